import { createClient } from "im-chats";

import { inPage } from "./story.js";

void inPage(createClient);
