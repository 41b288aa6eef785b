/** `im-chats/messages/inline`: the entry with the wasm inside the JavaScript, for bundlers and runtimes that do not move assets. */
import { ownWebSocket } from "./environment.js";
import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";
import { wasmBytes } from "./wasm/messages-inline.js";

export * from "./messages-public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  // Imported at once and not with the first call: one file is the point of this entry, and service workers have no `import()`.
  wasm: wasmBytes,
  webSocket: ownWebSocket,
});
