// The inbox against the real gateway: what it holds is what the server answers.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { createClient } from "im-chats/messages";
import { createInbox } from "im-chats/inbox";

import { startGateway } from "../support/gateway.mjs";
import { seeded } from "../support/seeded.mjs";
import { eventually } from "../support/until.mjs";

let gateway;
let im;

before(async () => {
  gateway = await startGateway();
  im = createClient({ address: gateway.address, token: gateway.token });
});

after(async () => {
  await im.close();
  await gateway.stop();
});

const ALICE = "alice@example.com";
const BOB = "bob@example.com";
const CAROL = "carol@example.com";
const ME = "me@example.com";

/** Something that somebody does in one of the chats. What the emulator refuses, as editing what was taken back, is no matter. */
const act = async (random, chats) => {
  const { pick, between } = random;
  const elsewhere = (path, body) => gateway.call("POST", `/emulator/v1/${path}`, body);
  const chat = pick(chats);
  const isGroup = chat.includes(";+;");
  const who = isGroup ? pick([ALICE, BOB, CAROL]) : chat.split(";")[2];
  const someone = pick([who, undefined]);
  const { messages } = await im.messages.list(chat, { pageSize: 10 });
  const message = messages[between(0, messages.length - 1)];
  const mine = messages.find(({ isFromMe }) => isFromMe);
  const author = message?.sender?.address;
  const text = `text ${between(0, 1e6)}`;
  const acts = [
    () => elsewhere("messages:receive", { chatGuid: chat, from: who, text, ...(between(0, 3) === 0 && { subject: "subject" }) }),
    () => elsewhere("messages:receive", { chatGuid: chat, from: who, text, ...(message && { replyTo: { messageGuid: message.guid } }) }),
    () => elsewhere("messages:receiveAttachment", { chatGuid: chat, from: who, fileName: "a.txt", data: "aGVsbG8=" }),
    () => im.messages.send(chat, text, { effect: pick([undefined, "confetti"]) }),
    () => message && elsewhere("messages:edit", { chatGuid: chat, messageGuid: message.guid, text, ...(author && { actor: author }) }),
    () => message && between(0, 2) === 0 && elsewhere("messages:unsend", { chatGuid: chat, messageGuid: message.guid, ...(author && { actor: author }) }),
    ...Array.from({ length: 3 }, () => () => message && elsewhere("messages:react", {
      chatGuid: chat, messageGuid: message.guid, kind: pick(["love", "like", "laugh"]), isSet: between(0, 3) > 0, ...(someone && { actor: someone }),
    })),
    () => mine && elsewhere("messages:read", { chatGuid: chat, actor: who, ...(between(0, 1) === 0 && { messageGuid: mine.guid }) }),
    () => im.chats.markRead(chat),
    () => elsewhere("chats:archive", { chatGuid: chat, ...(someone && { actor: someone }) }),
    () => elsewhere("chats:unarchive", { chatGuid: chat }),
    () => isGroup && elsewhere("groups:rename", { chatGuid: chat, displayName: text, actor: who }),
    () => isGroup && elsewhere("groups:join", { chatGuid: chat, address: pick([CAROL, ME, "dave@example.com"]), actor: who }),
    () => isGroup && elsewhere("groups:leave", { chatGuid: chat, ...(pick([CAROL, undefined]) && { actor: CAROL }) }),
    () => isGroup && elsewhere("polls:create", { chatGuid: chat, title: text, options: ["a", "b"], actor: who }),
    () => message && elsewhere("polls:vote", { pollMessageGuid: message.guid, optionIdentifier: "option-1", actor: who }),
    async () => chats.push((await im.chats.create([`person${between(0, 1e9)}@example.com`], { message: text })).chat.guid),
  ];
  try {
    await pick(acts)();
  } catch (error) {
    if (!["preconditionFailed", "chatNotFound", "invalidArgument"].includes(error.code)) throw error;
  }
};

/** Everything as the server has it. No event says the `guid` of a tapback's own message. */
const plain = (messages) => messages.map((message) => ({ ...message, appliedReactions: message.appliedReactions?.map((reaction) => ({ ...reaction, messageGuid: "" })) }));
const listed = async (archived) => {
  const chats = [];
  for await (const chat of im.chats.list({ archived })) chats.push(chat);
  return chats;
};
const everyMessage = async (chat) => {
  const messages = [];
  let pageToken;
  do {
    const page = await im.messages.list(chat, { pageSize: 100, ...(pageToken && { pageToken }) });
    messages.push(...page.messages);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return plain(messages.reverse());
};

/** An inbox in which every chat is looked at, and how often it asked the server. */
const watchAll = (chats) => {
  const asked = { count: 0 };
  const counted = (call) => (...input) => {
    asked.count += 1;
    return call(...input);
  };
  const client = { ...im, connection: im.connection, events: im.events, chats: { ...im.chats, get: counted(im.chats.get), list: counted(im.chats.list) }, messages: { ...im.messages, list: counted(im.messages.list) } };
  const inbox = createInbox(client, { chatsPerPage: 20, messagesPerPage: 20 });
  const views = [inbox.chats(), inbox.chats({ archived: true })];
  for (const view of views) view.subscribe(() => {});
  const watch = (chat) => inbox.messages(chat).subscribe(() => {});
  chats.forEach(watch);
  return { inbox, asked };
};

const isRead = ({ inbox }, chats) => {
  const views = [inbox.chats(), inbox.chats({ archived: true }), ...chats.map(inbox.messages)];
  return views.every((view) => view.get().status === "ready");
};

/** Reads what is not shown yet: every page. */
const showAll = async ({ inbox }, chats) => {
  for (const view of [inbox.chats(), inbox.chats({ archived: true }), ...chats.map(inbox.messages)]) {
    await eventually("it is read", 30_000, () => view.get().status === "ready");
    for (let rounds = 0; view.get().hasMore && rounds < 100; rounds++) {
      const before = view.get();
      await before.loadMore();
      await eventually("there is more", 30_000, () => view.get() !== before);
    }
  }
};

/** What is held is, once it has settled, what a fresh read gives. */
const holdsAll = async ({ inbox }, chats) => {
  for (const archived of [false, true]) {
    const fresh = await listed(archived);
    await eventually(`the ${archived ? "archived" : "visible"} chats are those of the server`, 30_000, () => {
      assert.deepEqual(inbox.chats({ archived }).get().chats, fresh);
      return true;
    });
  }
  for (const chat of chats) {
    const fresh = await everyMessage(chat);
    await eventually(`the messages of ${chat} are those of the server`, 30_000, () => {
      assert.deepEqual(plain(inbox.messages(chat).get().messages), fresh);
      return true;
    });
  }
};

describe("what the inbox holds", () => {
  for (const seed of [1, 2]) {
    test(`is what the server answers, after whatever happened while it looked, of seed ${seed}`, async () => {
      const random = seeded(seed);
      const chats = [];
      for (const address of [ALICE, BOB]) chats.push((await im.chats.create([address])).chat.guid);
      chats.push((await im.chats.create([ALICE, BOB, CAROL])).chat.guid);
      for (let count = 0; count < 60; count++) await act(random, chats);
      const known = [...chats];
      const held = watchAll(known);
      try {
        await showAll(held, known);
        await holdsAll(held, known);
        held.asked.count = 0;
        for (let count = 0; count < 150; count++) await act(random, chats);
        await holdsAll(held, known);
        // New chats are read, and what happened in the same millisecond as something that was read.
        const reads = chats.length - known.length;
        assert.ok(held.asked.count <= 2 * reads + 20, `asked ${held.asked.count} times, for ${reads} new chats`);
      } finally {
        held.inbox.close();
      }
    });

    test(`is what the server answers, after whatever happened while it read, of seed ${seed}`, async () => {
      const random = seeded(seed + 100);
      const chats = [];
      for (const address of [ALICE, BOB]) chats.push((await im.chats.create([address])).chat.guid);
      chats.push((await im.chats.create([ALICE, BOB, CAROL])).chat.guid);
      for (let count = 0; count < 100; count++) await act(random, chats);
      const known = [...chats];
      let isOver = false;
      const playing = (async () => {
        for (let count = 0; !isOver || count < 50; count++) await act(random, chats);
      })();
      const held = watchAll(known);
      try {
        await eventually("everything was read", 30_000, () => isRead(held, known));
        for (const chat of known) await held.inbox.messages(chat).get().loadMore();
        await Promise.all(known.map((chat) => held.inbox.messages(chat).get().reload()));
        isOver = true;
        await playing;
        await showAll(held, known);
        await holdsAll(held, known);
      } finally {
        isOver = true;
        held.inbox.close();
      }
    });
  }
});
