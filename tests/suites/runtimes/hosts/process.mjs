// Node, Bun and Deno.
import * as sdk from "im-chats";
import * as messages from "im-chats/messages";

import { conform } from "../program.mjs";

// The last argument in all of them. Nothing ends the process: the package must not keep it alive.
await conform(sdk, (globalThis.Deno?.args ?? process.argv).at(-1), messages);
