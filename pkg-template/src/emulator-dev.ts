/** `im-chats/emulator`: the browser's entry while developing (the condition `development`): the wasm is found even where a dev server lost it. */
import { emulatorFactory } from "./emulator-core.js";
import { engine } from "./emulator-engine.js";
import type { CreateEmulator } from "./emulator-types.js";
import { readWasm } from "./wasm-source.js";

// The browser's entry, but for what follows.
export * from "./emulator.js";

/** Its documentation is that of {@link CreateEmulator}. */
export const createEmulator: CreateEmulator = emulatorFactory({
  engine,
  wasm: async () => {
    try {
      return await readWasm(new URL("./wasm/emulator_bg.wasm", import.meta.url));
    } catch {
      // As in the entry of `im-chats`.
      return (await import("./wasm/emulator-inline.js")).wasmBytes();
    }
  },
});
