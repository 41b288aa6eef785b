/** The entry for Node, Bun and Deno: the wasm comes from the package's own folder. */
import { readFile } from "node:fs/promises";

import { clientFactory, type Client } from "./client.js";
import { nodeWebSocket } from "./node-socket.js";
import type { ClientOptions } from "./options.js";

export * from "./public.js";

/** Makes a client; see the documentation of the browser's entry. */
export const createClient: (options: ClientOptions) => Client = clientFactory({
  wasm: () => readFile(new URL("./wasm/im_chats_bg.wasm", import.meta.url)),
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
  webSocket: nodeWebSocket,
});
