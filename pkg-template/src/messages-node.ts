/** `im-chats/messages`: the entry for Node, Bun and Deno: the wasm comes from the package's own folder. */
import { readFile } from "node:fs/promises";

import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";
import { nodeWebSocket } from "./node-socket.js";

export * from "./messages-public.js";
export { fileCursor } from "./file-cursor.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  wasm: async () => {
    try {
      return await readFile(new URL("./wasm/messages_bg.wasm", import.meta.url));
    } catch {
      // Bundled: the file is no longer where this code was, or its address is one of the web (Next.js).
      return (await import("./wasm/messages-inline.js")).wasmBytes();
    }
  },
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
  webSocket: nodeWebSocket,
});
