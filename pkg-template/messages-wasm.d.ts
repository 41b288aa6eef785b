/**
 * What a bundler makes of the wasm file: an address, bytes or a compiled module, each of which `createClient({ wasm })` takes.
 */
import type { WasmSource } from "./messages.js";

/**
 * What the bundler made of the wasm file, for the option `wasm` of `createClient`.
 *
 * @example
 * import { createClient } from "im-chats/messages";
 * import wasm from "im-chats/messages/wasm";
 *
 * const im = createClient({ address: "im.example.com", token: "…", wasm });
 */
declare const wasm: WasmSource;
export default wasm;
