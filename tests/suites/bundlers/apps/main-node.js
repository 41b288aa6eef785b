import { createClient } from "im-chats/inline";

import { story } from "./story.js";

const [address, token] = process.argv.slice(2);
story(createClient, { address, token }).then(console.log);
