/** The entry with the wasm inside the JavaScript, for bundlers and runtimes that do not move assets. */
import { clientFactory } from "./client.js";
import { ownWebSocket } from "./environment.js";
import { engine } from "./main-engine.js";
import type { CreateClient } from "./options.js";
import { wasmBytes } from "./wasm/inline.js";

export * from "./public.js";
export { fileCursor } from "./no-files.js";

/** Its documentation is that of {@link CreateClient}. */
export const createClient: CreateClient = clientFactory({
  engine,
  // Imported at once and not with the first call: one file is the point of this entry, and service workers have no `import()`.
  wasm: wasmBytes,
  webSocket: ownWebSocket,
});
