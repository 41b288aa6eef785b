import * as sdk from "im-chats";
import * as messages from "im-chats/messages";

import { conform } from "../program.mjs";

export default {
  async fetch(request, { DRIVER }) {
    return new Response(`${await conform(sdk, DRIVER, messages)}`);
  },
};
