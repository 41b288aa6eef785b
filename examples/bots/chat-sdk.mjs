// An echo bot with Chat SDK and its iMessage adapter, unchanged from what it would be against the real service. It answers as
// spectrum.mjs does.
//
// The adapter reads where the service is from the environment: IMESSAGE_SERVER_URL and IMESSAGE_API_KEY, or IMESSAGE_PROJECT_ID and
// IMESSAGE_PROJECT_SECRET.

import { setTimeout as pause } from "node:timers/promises";

import { createMemoryState } from "@chat-adapter/state-memory";
import { createiMessageAdapter } from "@photon-ai/chat-adapter-imessage";
import { Chat, emoji } from "chat";

import { PICTURE } from "./picture.mjs";

const bot = new Chat({
  userName: "echo",
  adapters: { imessage: createiMessageAdapter() },
  state: createMemoryState(),
  // Without it a message that comes while another one of the same chat is answered is dropped.
  concurrency: "concurrent",
});

// A direct message counts as a mention; of a group's messages the bot hears those that a pattern lets through.
bot.onNewMention(answer);
bot.onNewMessage(/(?:)/, answer);
bot.onReaction((event) => event.thread.post(`you reacted with ${event.rawEmoji}`));

await bot.initialize();
const adapter = bot.getAdapter("imessage");
// The listener is made for functions that end. In a process of its own it listens for as long as the process lives.
await adapter.startGatewayListener({ waitUntil: () => {} }, 2 ** 31 - 1);
console.log("listening");

async function answer(thread, message) {
  const pictures = partsOf(message.raw.content).filter((content) => content.type === "attachment");
  for (const { name, mimeType, read } of pictures) {
    await thread.post({ raw: "", files: [{ filename: name, mimeType, data: await read() }] });
  }
  if (message.text === "") return;
  const [command, ...words] = message.text.split(" ");
  if (command === "reply") await message.raw.reply(words.join(" "));
  else if (command === "stream") await thread.post(spoken(words));
  else if (command === "like") await adapter.addReaction(thread.id, message.id, emoji.thumbs_up);
  else if (command === "photo") await thread.post({ raw: "", files: [{ filename: "photo.png", mimeType: "image/png", data: PICTURE }] });
  else if (command === "tell") await tell(words.shift(), words.join(" "));
  else {
    await thread.startTyping();
    await thread.post(`echo: ${message.text}`);
  }
}

async function tell(address, what) {
  const chat = bot.thread(await adapter.openDM(address));
  await chat.post(what);
}

/** What a message consists of. The adapter's message has the names of attachments; their bytes are in what it was made of. */
function partsOf(content) {
  if (content.type === "reply") return partsOf(content.content);
  if (content.type === "group") return content.items.flatMap((item) => partsOf(item.content));
  return [content];
}

/** Words at the pace of a language model. */
async function* spoken(words) {
  for (const [index, word] of words.entries()) {
    if (index > 0) await pause(700);
    yield index === 0 ? word : ` ${word}`;
  }
}
