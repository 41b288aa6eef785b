/** The entry with the wasm inside the JavaScript, for programs that are bundled for Node and carry no files along. */
import { readFile } from "node:fs/promises";

import { clientFactory } from "./client.js";
import { engine } from "./main-engine.js";
import { nodeWebSocket } from "./node-socket.js";
import type { CreateClient } from "./options.js";
import { wasmBytes } from "./wasm/inline.js";

export * from "./public.js";
export { fileCursor } from "./file-cursor.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  wasm: wasmBytes,
  readUrl: (url) => (url.protocol === "file:" ? readFile(url) : undefined),
  webSocket: nodeWebSocket,
});
