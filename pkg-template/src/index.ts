/** The entry for browsers and everything that loads an asset by its URL. */
import { clientFactory } from "./client.js";
import { ownWebSocket } from "./environment.js";
import { engine } from "./main-engine.js";
import type { CreateClient } from "./options.js";

export * from "./public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  // Written out where bundlers look for it: they move the file and put its new address here.
  wasm: () => new URL("./wasm/im_chats_bg.wasm", import.meta.url),
  webSocket: ownWebSocket,
});
