// What both kinds of workers do: run the program, then send an error to the page in both ways.
import * as sdk from "/im-chats/index.js";
import * as messages from "/im-chats/messages.js";

import { conform } from "/program.mjs";

export async function run(driver, post) {
  await conform(sdk, driver, messages);
  const { address, token } = await (await fetch(`${driver}/job`)).json();
  const im = sdk.createClient({ address, token });
  const error = await im.chats.get("any;-;nobody@example.com").catch((error) => error);
  await im.close();
  post({ json: error.toJSON(), clone: error });
}
