/** `im-chats/messages`: the entry for browsers and everything that loads an asset by its URL. */
import { ownWebSocket } from "./environment.js";
import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";

export * from "./messages-public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  // Written out where bundlers look for it: they move the file and put its new address here.
  wasm: () => new URL("./wasm/messages_bg.wasm", import.meta.url),
  webSocket: ownWebSocket,
});
