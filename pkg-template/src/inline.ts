/** The entry with the wasm inside the JavaScript, for bundlers and runtimes that do not move assets. */
import { clientFactory, type Client } from "./client.js";
import type { ClientOptions } from "./options.js";

export * from "./public.js";

/** Makes a client; see the documentation of the browser's entry. */
export const createClient: (options: ClientOptions) => Client = clientFactory({
  // Loaded with the first call, so that a bundler can split it off.
  wasm: async () => (await import("./wasm/inline.js")).wasmBytes(),
  webSocket: () => WebSocket,
});
