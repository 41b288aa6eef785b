/** The browser's entry while developing (the condition `development`): the wasm is found even where a dev server lost it. */
import { clientFactory } from "./client.js";
import { ownWebSocket } from "./environment.js";
import { engine } from "./main-engine.js";
import type { CreateClient } from "./options.js";
import { readWasm } from "./wasm-source.js";

// The browser's entry, but for what follows.
export * from "./index.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  wasm: async () => {
    try {
      return await readWasm(new URL("./wasm/im_chats_bg.wasm", import.meta.url));
    } catch {
      // Vite before 8 moves the code of its `optimizeDeps` and leaves the file behind. A dev server has the rest of the package. Not in
      // the ordinary entry: some bundlers put what is imported later into the one file that they write, too.
      return (await import("./wasm/inline.js")).wasmBytes();
    }
  },
  webSocket: ownWebSocket,
});
