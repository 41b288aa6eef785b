/** The entry for browsers and everything that loads an asset by its URL. */
import { clientFactory } from "./client.js";
import type { Client } from "./types.js";
import { ownWebSocket } from "./environment.js";
import type { ClientOptions } from "./options.js";

export * from "./public.js";
export { fileCursor } from "./no-files.js";

/**
 * Makes a client. It returns at once and sends nothing; the WebAssembly part starts with the first call, and a start that
 * failed is tried again by the next.
 *
 * @example
 * const im = createClient({ address: "im.example.com", token: "…" });
 * const { chat } = await im.chats.create(["alice@example.com"]);
 *
 * @throws ValidationError when an option is wrong; `context.field` names it
 */
export const createClient: (options: ClientOptions) => Client = clientFactory({
  // Written out where bundlers look for it: they move the file and put its new address here.
  wasm: () => new URL("./wasm/im_chats_bg.wasm", import.meta.url),
  webSocket: ownWebSocket,
});
