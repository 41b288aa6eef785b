/** The entry for edge workers, whose bundlers make a `WebAssembly.Module` of an imported wasm file. */
import { clientFactory } from "./client.js";
import { ownWebSocket } from "./environment.js";
import { engine } from "./main-engine.js";
import type { CreateClient } from "./options.js";
// @ts-expect-error -- the types describe the instance's exports; here the runtime gives the module itself
import wasm from "./wasm/im_chats_bg.wasm";

export * from "./public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  wasm: () => wasm as WebAssembly.Module,
  webSocket: ownWebSocket,
});
