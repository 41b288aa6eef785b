// The world of an emulator: each act does what it says, leaves the events that it says, and refuses what is wrong by its name.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { NotFoundError, ValidationError } from "im-chats";
import { startEmulator } from "im-chats/testing";

import { sunset } from "../support/picture.mjs";

const ALICE = "alice@example.com";
const BOB = "bob@example.com";
const DIRECT = `any;-;${ALICE}`;

let server;
let world;
let im;
let group;

before(async () => {
  server = await startEmulator();
  ({ world } = server);
  im = server.client();
});

after(() => server?.stop());

beforeEach(async () => {
  group = (await im.chats.create([ALICE, BOB])).chat.guid;
});

/** The events that an act left, in short. Those of its sequences, and no other ones since. */
async function events({ sequences }, before) {
  const seen = [];
  for await (const event of im.events.catchUp(before)) if (event.type !== "catchup.complete") seen.push(event);
  assert.deepEqual(seen.map(({ sequence }) => sequence), [...sequences]);
  return seen.map((event) => [event.type, event.change?.type, event.delta?.type, event.actor?.address ?? (event.isFromMe ? "me" : undefined)].filter(Boolean).join(" "));
}

const head = async () => {
  for await (const event of im.events.catchUp()) if (event.type === "catchup.complete") return event.headSequence;
};

/** Does something, and tells what events it left. */
async function left(act) {
  const before = await head();
  return events(await act(), before);
}

const received = (text = "Hello") => world.receive({ from: ALICE, text });

describe("a message comes in", () => {
  test("from somebody new: their chat is made, under the address as everybody writes it", async () => {
    const before = await head();
    const answer = await world.receive({ from: "Carol@Example.com", text: "Hello" });
    assert.equal(answer.chat, "any;-;carol@example.com");
    assert.deepEqual(await events(answer, before), ["message.received carol@example.com"]);
    const { content, isFromMe, sender } = await im.messages.get(answer.message);
    assert.deepEqual([content.text, isFromMe, sender.address], ["Hello", false, "carol@example.com"]);
    assert.equal((await world.receive({ from: "carol@example.com", text: "Again" })).chat, answer.chat);
    assert.equal((await im.chats.get(answer.chat)).unreadCount, 2);
  });

  test("in a direct chat it is from the other one; in a group somebody must be named", async () => {
    const { message } = await world.receive({ chat: "any;-;dave@example.com", text: "Hello" });
    assert.equal((await im.messages.get(message)).sender.address, "dave@example.com");
    const { chat } = await world.receive({ chat: group, from: BOB, text: "Hello, both" });
    assert.equal(chat, group);
    await assert.rejects(world.receive({ chat: group, text: "Hello" }), { name: "ValidationError", context: { field: "from" } });
  });

  test("with everything that a message may have", async () => {
    const first = await received("Lunch?");
    const { message } = await world.receive({
      chat: DIRECT,
      text: "Yes, please",
      subject: "Lunch",
      effect: "confetti",
      formatting: [{ type: "bold", start: 0, length: 3 }],
      replyTo: { guid: first.message, partIndex: 0 },
    });
    const { subject, content, replyTargetGuid } = await im.messages.get(message);
    assert.deepEqual([subject, content.expressiveSendStyleId, replyTargetGuid], ["Lunch", "com.apple.messages.effect.CKConfettiEffect", first.message]);
    assert.deepEqual(content.formatting, [{ type: "bold", start: 0, length: 3 }]);
  });

  test("into the archive: the chat comes back first", async () => {
    await received();
    await world.archive(DIRECT);
    assert.deepEqual(await left(() => received()), [`chat.unarchived ${ALICE}`, `message.received ${ALICE}`]);
  });

  test("a file comes in with its name and its bytes", async () => {
    const { message, attachment, chat } = await world.receiveAttachment({ from: ALICE, data: sunset(), fileName: "sunset.png", isAudioMessage: false });
    assert.equal(chat, DIRECT);
    const { content } = await im.messages.get(message);
    assert.deepEqual(content.attachments.map(({ guid, fileName, mimeType, totalBytes }) => [guid, fileName, mimeType, totalBytes]), [
      [attachment, "sunset.png", "image/png", sunset().byteLength],
    ]);
  });

  test("what is refused leaves no chat", async () => {
    await assert.rejects(world.receive({ from: "erin@example.com", text: " " }), { context: { field: "text" } });
    await assert.rejects(world.receive({ from: "erin@example.com", text: "x", replyTo: { guid: "nothing" } }), NotFoundError);
    await assert.rejects(im.chats.get("any;-;erin@example.com"), { code: "chatNotFound" });
  });
});

describe("people change what they wrote", () => {
  test("edit", async () => {
    const { chat, message } = await received("Lunhc?");
    assert.deepEqual(await left(() => world.edit(chat, message, "Lunch?", { actor: ALICE })), [`message.edited ${ALICE}`]);
    assert.equal((await im.messages.get(message)).content.text, "Lunch?");
    assert.deepEqual(await left(() => world.edit(chat, message, "Lunch?", { actor: ALICE, partIndex: 0 })), []);
    await assert.rejects(world.edit(chat, message, "Mine", { actor: "me@example.com" }), ValidationError);
  });

  test("unsend", async () => {
    const { chat, message } = await received();
    assert.deepEqual(await left(() => world.unsend(chat, message, { actor: ALICE })), [`message.unsent ${ALICE}`]);
    assert.ok((await im.messages.get(message)).dateRetracted);
  });

  test("react, with one tapback in place of the other, and none", async () => {
    const { guid } = await im.messages.send(DIRECT, "Done!");
    assert.deepEqual(await left(() => world.react(DIRECT, guid, "love", { actor: ALICE })), [`message.reactionAdded ${ALICE}`]);
    assert.deepEqual(await left(() => world.react(DIRECT, guid, { kind: "emoji", emoji: "🎉" }, { actor: ALICE })), [
      `message.reactionRemoved ${ALICE}`,
      `message.reactionAdded ${ALICE}`,
    ]);
    assert.deepEqual((await im.messages.get(guid)).appliedReactions.map(({ reaction }) => reaction), [{ kind: "emoji", emoji: "🎉" }]);
    assert.deepEqual(await left(() => world.react(DIRECT, guid, { kind: "emoji", emoji: "🎉" }, { actor: ALICE, remove: true })), [`message.reactionRemoved ${ALICE}`]);
  });

  test("read", async () => {
    const { guid } = await im.messages.send(DIRECT, "Did you see it?");
    assert.deepEqual(await left(() => world.read(DIRECT)), [`message.read ${ALICE}`]);
    assert.ok((await im.messages.get(guid)).dateRead);
    await im.messages.send(group, "And you two?");
    assert.deepEqual(await left(() => world.read(group, { actor: BOB })), [`message.read ${BOB}`]);
    await assert.rejects(world.read(group), { name: "ValidationError", context: { field: "actor" } });
  });

  test("type, and type no more", async () => {
    await received();
    const typing = async () => (await world.chats()).find(({ guid }) => guid === DIRECT).typing;
    assert.deepEqual(await left(() => world.typing(DIRECT, { actor: ALICE })), []);
    assert.deepEqual(await typing(), [ALICE]);
    await world.typing(DIRECT, { actor: ALICE, isTyping: false });
    assert.deepEqual(await typing(), []);
    await im.chats.setTyping(DIRECT, true);
    assert.deepEqual(await typing(), ["me@example.com"]);
    await im.chats.setTyping(DIRECT, false);
  });
});

describe("chats change", () => {
  test("into the archive and out of it", async () => {
    await received();
    assert.deepEqual(await left(() => world.archive(DIRECT)), ["chat.archived me"]);
    assert.equal((await world.chats()).find(({ guid }) => guid === DIRECT).isArchived, true);
    assert.deepEqual(await left(() => world.archive(DIRECT)), []);
    assert.deepEqual(await left(() => world.unarchive(DIRECT, { actor: ALICE })), [`chat.unarchived ${ALICE}`]);
  });

  test("their background", async () => {
    await received();
    assert.deepEqual(await left(() => world.setBackground(DIRECT, sunset(), { actor: ALICE })), [`chat.backgroundChanged ${ALICE}`]);
    assert.equal(await im.chats.hasBackground(DIRECT), true);
    assert.deepEqual(await left(() => world.removeBackground(DIRECT)), ["chat.backgroundRemoved me"]);
    assert.deepEqual(await left(() => world.removeBackground(DIRECT)), []);
  });

  test("read on another device", async () => {
    await received();
    assert.deepEqual(await left(() => world.markRead(DIRECT)), ["chat.markedRead me"]);
    assert.equal((await im.chats.get(DIRECT)).unreadCount, 0);
  });

  test("groups: who is in, and their name", async () => {
    assert.deepEqual(await left(() => world.join(group, "frank@example.com", { actor: ALICE })), [`group.changed participantAdded ${ALICE}`]);
    assert.deepEqual(await left(() => world.leave(group, { actor: "frank@example.com" })), ["group.changed participantLeft frank@example.com"]);
    assert.deepEqual(await left(() => world.rename(group, "Trip", { actor: BOB })), [`group.changed displayNameChanged ${BOB}`]);
    assert.equal((await im.groups.get(group)).displayName, "Trip");
    await im.groups.leave(group);
    assert.equal((await world.chats()).find(({ guid }) => guid === group).hasLeft, true);
    await world.join(group, "me@example.com", { actor: ALICE });
    assert.equal((await world.chats()).find(({ guid }) => guid === group).hasLeft, false);
  });

  test("polls", async () => {
    const before = await head();
    const answer = await world.createPoll(group, "Lunch?", ["Pizza", "Sushi"], { actor: ALICE });
    assert.deepEqual(await events(answer, before), [`message.received ${ALICE}`, `poll.changed created ${ALICE}`]);
    const { poll, options } = answer;
    assert.deepEqual(options.map(({ text }) => text), ["Pizza", "Sushi"]);
    assert.deepEqual(await left(() => world.vote(poll, options[1].optionIdentifier, { actor: BOB })), [`poll.changed voted ${BOB}`]);
    assert.deepEqual(await left(() => world.unvote(poll, { actor: BOB })), [`poll.changed unvoted ${BOB}`]);
    assert.deepEqual(await left(() => world.addPollOption(poll, "Thai", { actor: BOB })), [`poll.changed optionAdded ${BOB}`]);
  });

  test("many events at once", async () => {
    await received();
    const made = await world.generate({ count: 4, chats: [DIRECT] });
    assert.deepEqual([made.count, made.last - made.first, made.sequences.length], [4, 3, 4]);
    const many = await world.generate({ count: 1500, chats: [DIRECT] });
    assert.deepEqual([many.count, many.last - many.first, many.sequences], [1500, 1499, []]);
  });

  test("all of them are listed, beyond one page", async () => {
    const chats = await Promise.all(Array.from({ length: 120 }, (_, index) => im.chats.create([`many${index}@example.com`])));
    const listed = new Set((await world.chats()).map(({ guid }) => guid));
    for (const { chat } of chats) assert.ok(listed.has(chat.guid), chat.guid);
  });
});

describe("bad input is refused by its name", () => {
  const wrong = {
    message: () => world.receive(undefined),
    tekst: () => world.receive({ from: ALICE, text: "x", tekst: "y" }),
    from: () => world.receive({ from: "nobody", text: "x" }),
    text: () => world.receive({ from: ALICE, text: 7 }),
    effect: () => world.receive({ from: ALICE, text: "x", effect: "rain" }),
    "formatting[0].length": () => world.receive({ from: ALICE, text: "x", formatting: [{ type: "bold", start: 0, length: 2 }] }),
    "formatting[0]": () => world.receive({ from: ALICE, text: "x", formatting: [null] }),
    "replyTo.guid": () => world.receive({ from: ALICE, text: "x", replyTo: { guid: "" } }),
    data: () => world.receiveAttachment({ from: ALICE, data: "x" }),
    chat: () => world.archive("alice"),
    actor: () => world.archive(DIRECT, { actor: "nobody" }),
    actr: () => world.archive(DIRECT, { actr: ALICE }),
    partIndex: async () => world.edit(DIRECT, (await received()).message, "x", { partIndex: 3, actor: ALICE }),
    reaction: async () => world.react(DIRECT, (await received()).message, "hug", { actor: ALICE }),
    "reaction.kind": async () => world.react(DIRECT, (await received()).message, { kind: "hug" }, { actor: ALICE }),
    "reaction.emoji": async () => world.react(DIRECT, (await received()).message, { kind: "emoji", emoji: "ab" }, { actor: ALICE }),
    remove: () => world.react(DIRECT, "x", "love", { remove: "yes" }),
    isTyping: () => world.typing(DIRECT, { isTyping: 1 }),
    address: () => world.join(group, "nobody", { actor: ALICE }),
    name: () => world.rename(group, " "),
    title: () => world.createPoll(group, "", ["a", "b"]),
    options: () => world.createPoll(group, "Lunch?", ["a"]),
    "options[1]": () => world.createPoll(group, "Lunch?", ["a", ""]),
    option: async () => world.vote((await world.createPoll(group, "Lunch?", ["a", "b"])).poll, "option-9"),
    poll: () => world.unvote(""),
    count: () => world.generate({ count: 1.5 }),
    "chats[0]": () => world.generate({ count: 1, chats: [7] }),
  };
  for (const [field, act] of Object.entries(wrong)) {
    test(field, async () => {
      await received();
      const error = await act().catch((error) => error);
      assert.ok(error instanceof ValidationError, `${error}`);
      assert.deepEqual([error.code, error.context.field], ["invalidArgument", field]);
      assert.match(error.message, new RegExp(`^${field.replace(/[[\].]/g, "\\$&")}: `));
      assert.match(error.stack, /world\.test\.mjs/);
    });
  }

  test("what is not there is not found", async () => {
    await assert.rejects(world.archive("any;-;nobody@example.com"), { name: "NotFoundError", code: "chatNotFound" });
    await assert.rejects(world.unsend(DIRECT, "nothing"), { name: "NotFoundError", code: "messageNotFound" });
    await assert.rejects(world.vote("nothing", "option-1"), { name: "NotFoundError", code: "pollNotFound" });
  });
});
