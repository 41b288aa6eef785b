import { createClient } from "im-chats";
import wasm from "im-chats/wasm";

import { inPage } from "./story.js";

void inPage(createClient, { wasm });
