import { Engine } from "./engine.js";
import * as glue from "./wasm/emulator.js";

/** The wasm of `im-chats/emulator`. @internal */
export const engine: Engine<typeof glue> = new Engine(glue, "./emulator_bg.js");
