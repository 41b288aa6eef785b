/** The entry for edge workers, whose bundlers make a `WebAssembly.Module` of an imported wasm file. */
import { clientFactory } from "./client.js";
import type { Client } from "./types.js";
import { ownWebSocket } from "./environment.js";
import type { ClientOptions } from "./options.js";
// @ts-expect-error -- the types describe the instance's exports; here the runtime gives the module itself
import wasm from "./wasm/im_chats_bg.wasm";

export * from "./public.js";
export { fileCursor } from "./no-files.js";

/** Makes a client; see the documentation of the browser's entry. */
export const createClient: (options: ClientOptions) => Client = clientFactory({
  wasm: () => wasm as WebAssembly.Module,
  webSocket: ownWebSocket,
});
