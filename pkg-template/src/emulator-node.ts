/** `im-chats/emulator`: the entry for Node, Bun and Deno: the wasm comes from the package's own folder. */
import { readFile } from "node:fs/promises";

import { emulatorFactory } from "./emulator-core.js";
import { engine } from "./emulator-engine.js";
import type { CreateEmulator } from "./emulator-types.js";

export * from "./emulator-public.js";

/** Its documentation is that of {@link CreateEmulator}. */
export const createEmulator: CreateEmulator = emulatorFactory({
  engine,
  wasm: async () => {
    try {
      return await readFile(new URL("./wasm/emulator_bg.wasm", import.meta.url));
    } catch {
      // Bundled: the file is no longer where this code was, or its address is one of the web (Next.js).
      return (await import("./wasm/emulator-inline.js")).wasmBytes();
    }
  },
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
});
