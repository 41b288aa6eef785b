/**
 * What a bundler makes of the wasm file: an address, bytes or a compiled module, each of which `createClient({ wasm })` takes.
 */
import type { WasmSource } from "./index.js";

declare const wasm: WasmSource;
export default wasm;
