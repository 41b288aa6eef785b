/** The entry for Node, Bun and Deno: the wasm comes from the package's own folder. */
import { readFile } from "node:fs/promises";

import { clientFactory } from "./client.js";
import { engine } from "./main-engine.js";
import { nodeWebSocket } from "./node-socket.js";
import type { CreateClient } from "./options.js";

export * from "./public.js";
export { fileCursor } from "./file-cursor.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  wasm: async () => {
    try {
      return await readFile(new URL("./wasm/im_chats_bg.wasm", import.meta.url));
    } catch {
      // Bundled: the file is no longer where this code was, or its address is one of the web (Next.js).
      return (await import("./wasm/inline.js")).wasmBytes();
    }
  },
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
  webSocket: nodeWebSocket,
});
