/** `im-chats/messages/inline`: the entry with the wasm inside the JavaScript, for programs that are bundled for Node and carry no files along. */
import { readFile } from "node:fs/promises";

import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";
import { nodeWebSocket } from "./node-socket.js";
import { wasmBytes } from "./wasm/messages-inline.js";

export * from "./messages-public.js";
export { fileCursor } from "./file-cursor.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  wasm: wasmBytes,
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
  webSocket: nodeWebSocket,
});
