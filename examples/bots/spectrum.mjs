// An echo bot with spectrum-ts, unchanged from what it would be against the real service.
//
//   hello          the same text again
//   reply …        a reply to the message
//   stream …       the words one after the other: a message, edited as they come
//   like …         a tapback
//   photo          a picture
//   tell ADDRESS … a message to somebody else, whether there is a chat with them or not
//   a picture      the same picture again
//   a tapback      which one it was
//
// Where the service is comes from the environment, in the names that Chat SDK's adapter has for it: IMESSAGE_SERVER_URL and
// IMESSAGE_API_KEY, or IMESSAGE_PROJECT_ID and IMESSAGE_PROJECT_SECRET.

import { setTimeout as pause } from "node:timers/promises";

import { attachment, Spectrum, text } from "spectrum-ts";
import { imessage } from "spectrum-ts/providers/imessage";

import { PICTURE } from "./picture.mjs";

const {
  IMESSAGE_SERVER_URL: address,
  IMESSAGE_API_KEY: token,
  IMESSAGE_PHONE: phone = "shared",
  IMESSAGE_PROJECT_ID: projectId,
  IMESSAGE_PROJECT_SECRET: projectSecret,
} = process.env;

const app = projectId
  ? await Spectrum({ projectId, projectSecret, providers: [imessage.config()] })
  : await Spectrum({ providers: [imessage.config({ clients: [{ address, token, phone }] })] });
console.log("listening");

for await (const [space, message] of app.messages) {
  try {
    await answer(space, message, message.content);
  } catch (error) {
    // The service may be away for a moment. The loop goes on, and so does the stream.
    console.error("not answered:", error.message);
  }
}

async function answer(space, message, content) {
  if (content.type === "reply") return answer(space, message, content.content);
  if (content.type === "group") {
    for (const item of content.items) await answer(space, item, item.content);
    return;
  }
  if (content.type === "attachment") {
    await space.send(attachment(await content.read(), { name: content.name, mimeType: content.mimeType }));
    return;
  }
  if (content.type === "reaction") {
    await space.send(`you reacted with ${content.emoji}`);
    return;
  }
  if (content.type !== "text") return;
  const [command, ...words] = content.text.split(" ");
  if (command === "reply") await message.reply(words.join(" "));
  else if (command === "stream") await space.send(text(spoken(words)));
  else if (command === "like") await message.react("👍");
  else if (command === "photo") await space.send(attachment(PICTURE, { name: "photo.png" }));
  else if (command === "tell") await tell(words.shift(), words.join(" "));
  else await space.responding(() => space.send(`echo: ${content.text}`));
}

async function tell(address, what) {
  const chat = await imessage(app).space.create(address);
  await chat.send(what);
}

/** Words at the pace of a language model. */
async function* spoken(words) {
  for (const [index, word] of words.entries()) {
    if (index > 0) await pause(700);
    yield index === 0 ? word : ` ${word}`;
  }
}
