/** `im-chats/emulator`: the entry for edge workers, whose bundlers make a `WebAssembly.Module` of an imported wasm file. */
import { emulatorFactory } from "./emulator-core.js";
import { engine } from "./emulator-engine.js";
import type { CreateEmulator } from "./emulator-types.js";
// @ts-expect-error -- the types describe the instance's exports; here the runtime gives the module itself
import wasm from "./wasm/emulator_bg.wasm";

export * from "./emulator-public.js";

/** Its documentation is that of {@link CreateEmulator}. */
export const createEmulator: CreateEmulator = emulatorFactory({ engine, wasm: () => wasm as WebAssembly.Module });
