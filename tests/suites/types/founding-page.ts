// Every snippet of the founding page, as it stands there, under `strict`.

import { createClient } from "im-chats";
import { readFile } from "node:fs/promises";

const im = createClient({ address: "im.example.com", token: "token" });

export async function create() {
  const { chat } = await im.chats.create(["alice@example.com"]);

  console.log(chat.guid);

  const { chat: group } = await im.chats.create(["alice@example.com", "bob@example.com"]);

  console.log(group.guid);
}

export async function get() {
  const chat = await im.chats.get("any;-;alice@example.com");

  console.log(chat.displayName, chat.unreadCount, chat.isGroup);
}

export async function count() {
  const active = await im.chats.count();
  const total = await im.chats.count({ includeArchived: true });
  return active + total;
}

export async function state() {
  const { chat } = await im.chats.create(["alice@example.com"]);
  await im.chats.markRead(chat.guid);
  await im.chats.setTyping(chat.guid, true);
  await im.chats.setTyping(chat.guid, false);
  await im.chats.shareContactInfo(chat.guid);
}

export async function backgrounds() {
  const chat = await im.chats.get("any;-;alice@example.com");
  await im.chats.setBackground(chat.guid, await readFile("background.jpg"));
  const hasCustom = await im.chats.hasBackground(chat.guid);
  await im.chats.removeBackground(chat.guid);
  return hasCustom;
}

export async function events() {
  const chat = await im.chats.get("any;-;alice@example.com");
  const stream = im.chats.subscribeEvents({
    chat: chat.guid,
  });
  await stream.close();

  const everything = im.chats.subscribeEvents();
  await everything.close();

  for await (const event of im.chats.subscribeEvents({ chat: chat.guid })) {
    switch (event.type) {
      case "chat.backgroundChanged":
      case "chat.backgroundRemoved":
      case "chat.markedRead":
      case "chat.archived":
      case "chat.unarchived":
        console.log(event.type, event.sequence);
        break;
    }
  }

  for await (const event of im.chats.subscribeEvents()) {
    console.log(event.chatGuid, event.type);
  }
}
