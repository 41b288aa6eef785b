/** The browser's entry while developing (the condition `development`): the wasm is found even where a dev server lost it. */
import { clientFactory } from "./client.js";
import type { Client } from "./types.js";
import { ownWebSocket } from "./environment.js";
import type { ClientOptions } from "./options.js";
import { readWasm } from "./wasm-source.js";

// The browser's entry, but for what follows.
export * from "./index.js";

/** Makes a client; see the documentation of the browser's entry. */
export const createClient: (options: ClientOptions) => Client = clientFactory({
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
