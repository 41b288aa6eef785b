/** `im-chats/messages`: the entry for edge workers, whose bundlers make a `WebAssembly.Module` of an imported wasm file. */
import { ownWebSocket } from "./environment.js";
import { messagesClientFactory } from "./messages-calls.js";
import { engine } from "./messages-engine.js";
import type { CreateMessagesClient } from "./messages-types.js";
// @ts-expect-error -- the types describe the instance's exports; here the runtime gives the module itself
import wasm from "./wasm/messages_bg.wasm";

export * from "./messages-public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateMessagesClient}. */
export const createClient: CreateMessagesClient = messagesClientFactory({
  engine,
  wasm: () => wasm as WebAssembly.Module,
  webSocket: ownWebSocket,
});
