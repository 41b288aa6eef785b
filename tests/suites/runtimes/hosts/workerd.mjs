import * as sdk from "im-chats";

import { conform } from "../program.mjs";

export default {
  async fetch(request, { DRIVER }) {
    return new Response(`${await conform(sdk, DRIVER)}`);
  },
};
