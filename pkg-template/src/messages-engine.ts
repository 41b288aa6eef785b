import { Engine } from "./engine.js";
import * as glue from "./wasm/messages.js";

/** The wasm of `im-chats/messages` and `im-chats/messages/inline`: all of the other one's, and messages and groups. @internal */
export const engine: Engine = new Engine(glue, "./messages_bg.js");
