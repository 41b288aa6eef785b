import { createClient } from "im-chats/inline";

import { inPage } from "./story.js";

void inPage(createClient);
