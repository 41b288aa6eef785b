// A tour of im.chats: everything the API can do, once, in the order a person would try it.
//
//   cargo xtask start                      prints an address and a token
//   npm install                            here, once
//   IM_CHATS_ADDRESS=http://127.0.0.1:8787 IM_CHATS_TOKEN=… node tour.mjs

import { readFile } from "node:fs/promises";

import { createClient, MessageEffect, NotFoundError, ValidationError } from "im-chats";

const { IM_CHATS_ADDRESS: address = "http://127.0.0.1:8787", IM_CHATS_TOKEN: token } = process.env;
if (!token) {
  console.error("Set IM_CHATS_TOKEN to the token that the gateway printed.");
  process.exit(2);
}

const im = createClient({ address, token });

// One address makes a direct chat, two or more make a group.
const { chat, initialMessage } = await im.chats.create(["alice@example.com"], {
  message: "Hello from Node!",
  effect: MessageEffect.confetti,
});
console.log("created", chat.guid, "with the message", initialMessage?.guid);

const { chat: group } = await im.chats.create(["alice@example.com", "bob@example.com"]);
console.log("created", group.guid, group.isGroup ? "(a group)" : "");

// History: everything that the log holds, and where it ends.
let past = 0;
let head = 0;
for await (const event of im.events.catchUp()) {
  if (event.type === "catchup.complete") head = event.headSequence;
  else past += 1;
}
console.log("history", past, "events, up to", head);

// Events of one chat, as they happen. `after` makes history and live one stream: whatever happens from `head` on is seen,
// however long the connection takes. Nothing below waits for this loop.
const stream = im.chats.subscribeEvents({ chat: chat.guid, after: head });
const watching = (async () => {
  for await (const event of stream) {
    switch (event.type) {
      case "chat.backgroundChanged":
      case "chat.backgroundRemoved":
      case "chat.markedRead":
      case "chat.archived":
      case "chat.unarchived":
        console.log("event", event.sequence, event.type, event.isFromMe ? "(by me)" : "(by others)");
    }
    if (event.type === "chat.backgroundRemoved") break;
  }
})();

// What the API says about a chat.
const { displayName, unreadCount, participants } = await im.chats.get(chat.guid);
console.log("read", displayName ?? participants?.[0]?.address, "with", unreadCount ?? "an unknown number of", "unread");
console.log("count", await im.chats.count(), "of", await im.chats.count({ includeArchived: true }));

// Read state, typing and the contact card.
await im.chats.markRead(chat.guid);
await im.chats.setTyping(chat.guid, true);
await im.chats.setTyping(chat.guid, false);
await im.chats.shareContactInfo(chat.guid);
console.log("marked read, typed, shared the contact card");

// A background: the bytes of an image.
await im.chats.setBackground(chat.guid, await readFile(new URL("background.png", import.meta.url)));
console.log("background", await im.chats.hasBackground(chat.guid));
await im.chats.removeBackground(chat.guid);
console.log("background", await im.chats.hasBackground(chat.guid));
await watching;

// Errors are classes with a code; this one never reaches the network.
try {
  await im.chats.get("not a guid");
} catch (error) {
  if (!(error instanceof ValidationError)) throw error;
  console.log("refused", error.code, error.context);
}
try {
  await im.chats.get("any;-;nobody@example.com");
} catch (error) {
  if (!(error instanceof NotFoundError)) throw error;
  console.log("not found", error.code);
}

im.close();
