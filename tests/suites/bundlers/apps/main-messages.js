import { createClient } from "im-chats/messages";

import { inPage } from "./story.js";

void inPage(createClient);
