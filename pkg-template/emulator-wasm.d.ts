/**
 * What a bundler makes of the wasm file: an address, bytes or a compiled module, each of which `createEmulator({ wasm })` takes.
 */
import type { WasmSource } from "./emulator.js";

/**
 * What the bundler made of the wasm file, for the option `wasm` of `createEmulator`.
 *
 * @example
 * import { createEmulator } from "im-chats/emulator";
 * import wasm from "im-chats/emulator/wasm";
 *
 * const emulator = await createEmulator({ wasm });
 */
declare const wasm: WasmSource;
export default wasm;
