/** `im-chats/messages`: the browser's entry while developing (the condition `development`): the wasm is found even where a dev server lost it. */
import { ownWebSocket } from "./environment.js";
import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";
import { readWasm } from "./wasm-source.js";

// The browser's entry, but for what follows.
export * from "./messages.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  wasm: async () => {
    try {
      return await readWasm(new URL("./wasm/messages_bg.wasm", import.meta.url));
    } catch {
      // Vite before 8 moves the code of its `optimizeDeps` and leaves the file behind. A dev server has the rest of the package. Not in
      // the ordinary entry: some bundlers put what is imported later into the one file that they write, too.
      return (await import("./wasm/messages-inline.js")).wasmBytes();
    }
  },
  webSocket: ownWebSocket,
});
