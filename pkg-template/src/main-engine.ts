import { Engine } from "./engine.js";
import * as glue from "./wasm/im_chats.js";

/** The wasm of `im-chats` and `im-chats/inline`. @internal */
export const engine: Engine = new Engine(glue, "./im_chats_bg.js");
