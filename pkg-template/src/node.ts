/** The entry for Node, Bun and Deno: the wasm comes from the package's own folder. */
import { readFile } from "node:fs/promises";

import { clientFactory, type Client } from "./client.js";
import type { WebSocketConstructor } from "./host.js";
import type { ClientOptions } from "./options.js";

export * from "./public.js";

/** Makes a client; see the documentation of the browser's entry. */
export const createClient: (options: ClientOptions) => Client = clientFactory({
  wasm: () => readFile(new URL("./wasm/im_chats_bg.wasm", import.meta.url)),
  webSocket: async () => {
    // Node has its own from version 22 on.
    if (globalThis.WebSocket) return globalThis.WebSocket;
    return (await import("ws")).WebSocket as unknown as WebSocketConstructor;
  },
});
