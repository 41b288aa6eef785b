// What every entry of the emulator exports beside `createEmulator`.
export type { CreateEmulator, Emulator, CreateEmulatorOptions } from "./emulator-types.js";
export type { LinkedEmulator } from "./emulator-link.js";
export type { WasmSource } from "./wasm-source.js";
export type * from "./world-shapes.js";
export type { World } from "./world-types.js";
