/** `im-chats/emulator/inline`: the entry with the wasm inside the JavaScript, for bundlers and test environments that do not move assets. */
import { emulatorFactory } from "./emulator-core.js";
import { engine } from "./emulator-engine.js";
import type { CreateEmulator } from "./emulator-types.js";
import { wasmBytes } from "./wasm/emulator-inline.js";

export * from "./emulator-public.js";

/** Its documentation is that of {@link CreateEmulator}. */
export const createEmulator: CreateEmulator = emulatorFactory({ engine, wasm: wasmBytes });
