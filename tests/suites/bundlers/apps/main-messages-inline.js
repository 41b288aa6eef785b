import { createClient } from "im-chats/messages/inline";

import { inPage } from "./story.js";

void inPage(createClient);
