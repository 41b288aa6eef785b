// Bots made with the vendor's two frameworks, with the packages as they are published: everything that an echo bot does, and what it does when
// it or the emulator dies.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { sunset } from "../support/picture.mjs";
import { Desk, isOwn } from "./bots/run.mjs";

const ALICE = "alice@example.com";
const BOB = "bob@example.com";
const DIRECT = `any;-;${ALICE}`;
const PICTURE = sunset(40, 20);
const TITLES = { spectrum: "spectrum-ts", "chat-sdk": "Chat SDK" };

test("the bots of examples/bots have the packages that are tested here", async () => {
  const read = async (path) => JSON.parse(await readFile(join(process.env.IM_CHATS_ROOT, path), "utf8")).dependencies;
  const [theirs, tested] = [await read("examples/bots/package.json"), await read("tests/suites/interop/package.json")];
  for (const [name, version] of Object.entries(theirs)) assert.equal(tested[name], version, name);
});

for (const name of Object.keys(TITLES)) {
  describe(`a bot with ${TITLES[name]}`, () => {
    let desk;
    let group;
    let head = 0;

    before(async () => {
      desk = await Desk.open();
      await makeChats();
      await desk.start(name);
      await desk.hears(DIRECT, ALICE);
    });
    after(() => desk?.close());

    const makeChats = async () => {
      await desk.call("POST", "/v1/chats", { addresses: [ALICE] });
      const [, { chat }] = await desk.call("POST", "/v1/chats", { addresses: [ALICE, BOB] });
      group = chat.guid;
    };
    /** What somebody says from here on; `head` is where the log was before. */
    const say = async (chat, from, text, also) => {
      head = (await desk.log()).head;
      return desk.people.says(chat, from, text, also);
    };

    test("answers a direct message", async () => {
      await say(DIRECT, ALICE, "Hello");
      const { message } = await desk.wrote(DIRECT, "echo: Hello", head);
      assert.equal(message.isFromMe, true);
      assert.equal(message.isSent, true);
    });

    test("answers in the group in which it was spoken to", async () => {
      await say(group, BOB, "Hello, all");
      const { chatGuid } = await desk.wrote(group, "echo: Hello, all", head);
      assert.equal(chatGuid, group);
      const direct = (await desk.log(head)).events.filter((event) => isOwn(event, DIRECT));
      assert.deepEqual(direct, []);
    });

    test("replies to a message", async () => {
      const { guid } = await say(DIRECT, ALICE, "reply to this");
      const { message } = await desk.wrote(DIRECT, "to this", head);
      assert.equal(message.replyTargetGuid, guid);
      assert.equal(message.threadOriginatorGuid, guid);
    });

    test("understands a reply to what it wrote", async () => {
      const { message } = await desk.wrote(DIRECT, "to this");
      await say(DIRECT, ALICE, "thank you", { replyTo: { messageGuid: message.guid } });
      await desk.wrote(DIRECT, "echo: thank you", head);
    });

    test("writes while it thinks: a message, and edits of it until it is whole", async () => {
      await say(DIRECT, ALICE, "stream one two three four five");
      const whole = "one two three four five";
      const edited = await desk.find("the last edit", (event) => event.type === "message.edited" && event.content.text === whole, head);
      const { events } = await desk.log(head);
      const first = events.find((event) => isOwn(event, DIRECT));
      const edits = events.filter((event) => event.type === "message.edited");
      assert.ok(edits.length >= 2, `${edits.length} edits`);
      assert.deepEqual([...new Set(edits.map((event) => event.messageGuid))], [first.message.guid]);
      const [, { message }] = await desk.call("GET", `/v1/messages/${first.message.guid}`);
      assert.equal(message.content.text, whole);
      assert.equal(new Date(message.dateEdited).getTime(), edited.editedAt.getTime());
    });

    test("puts a tapback on a message", async () => {
      const { guid } = await say(DIRECT, ALICE, "like this");
      const { messageGuid, isFromMe, reaction } = await desk.find("the tapback", (event) => event.type === "message.reactionAdded", head);
      assert.deepEqual({ messageGuid, isFromMe, kind: reaction.kind }, { messageGuid: guid, isFromMe: true, kind: "like" });
    });

    test("hears of a tapback on what it wrote", async () => {
      const { message } = await desk.wrote(DIRECT, "echo: Hello");
      head = (await desk.log()).head;
      await desk.people.reacts(DIRECT, ALICE, message.guid, { kind: "love" });
      await desk.wrote(DIRECT, "you reacted with ❤️", head);
    });

    test("sends a picture", async () => {
      await say(DIRECT, ALICE, "photo");
      const { message } = await desk.find("the picture", (event) => isOwn(event, DIRECT) && event.message.content.attachments.length > 0, head);
      const [{ fileName, mimeType, isOutgoing, transferState }] = message.content.attachments;
      assert.deepEqual(
        { fileName, mimeType, isOutgoing, transferState },
        { fileName: "photo.png", mimeType: "image/png", isOutgoing: true, transferState: "finished" },
      );
    });

    test("receives a picture, byte for byte", async () => {
      await say(DIRECT, ALICE, "", { attachment: { fileName: "icon.png", data: PICTURE.toString("base64") } });
      const { message } = await desk.find("the same picture", (event) => isOwn(event, DIRECT) && event.message.content.attachments.length > 0, head);
      const [{ guid, fileName }] = message.content.attachments;
      assert.equal(fileName, "icon.png");
      const answer = await fetch(`${desk.door.address}/v1/attachments/${guid}/data`, { headers: { authorization: `Bearer ${desk.emulator.token}` } });
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), PICTURE);
    });

    test("writes to somebody with whom there is no chat yet", async () => {
      await say(DIRECT, ALICE, "tell carol@example.com you are invited");
      await desk.wrote("any;-;carol@example.com", "you are invited", head);
    });

    test("killed and started again, answers what comes then, and nothing twice", async () => {
      await desk.bot.kill();
      await desk.start(name);
      await desk.hears(DIRECT, ALICE);
      await say(DIRECT, ALICE, "back again");
      await desk.wrote(DIRECT, "echo: back again", head);
      await once("echo: Hello");
    });

    test("lives through the death of the emulator, and answers what came before it had noticed, once", async () => {
      await desk.restart();
      await say(DIRECT, ALICE, "while you were away");
      await desk.wrote(DIRECT, "echo: while you were away", head);
      await desk.hears(DIRECT, ALICE);
      await once("echo: while you were away");
    });

    test("with a cursor of an emulator that was wiped, hears what happens next", async () => {
      await desk.people.post("events:generate", { count: 1_000 });
      await desk.hears(DIRECT, ALICE);
      await desk.restart({ wiped: true });
      await makeChats();
      await desk.hears(DIRECT, ALICE);
      assert.ok((await desk.log()).head < 1_000);
    });

    const once = async (text) => {
      const { events } = await desk.log();
      assert.equal(events.filter((event) => isOwn(event, DIRECT) && event.message.content.text === text).length, 1, text);
    };
  });
}
