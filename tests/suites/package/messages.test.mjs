// The entry with messages, through the packed package against the real gateway.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import * as main from "im-chats";
import * as inline from "im-chats/messages/inline";
import { createClient, ErrorCode, IMessageError, MessageEffect, NotFoundError, ValidationError } from "im-chats/messages";
import * as messages from "im-chats/messages";

import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";

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

/** The control plane: what other people and devices do. */
const elsewhere = async (path, body) => {
  const [status, answer] = await gateway.call("POST", `/emulator/v1/${path}`, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
};

let addresses = 0;
const someone = () => `person${++addresses}@example.com`;
const direct = async () => (await im.chats.create([someone()])).chat.guid;

/** The newest message of somebody else's. */
const received = async (chat, text) => {
  await elsewhere("messages:receive", { chatGuid: chat, from: chat.split(";")[2], text });
  return (await im.messages.list(chat, { isFromMe: false, pageSize: 1 })).messages[0];
};

const refused = (field, code = ErrorCode.invalidArgument) => (error) => {
  assert.ok(error instanceof ValidationError, String(error));
  assert.equal(error.code, code, String(error));
  if (field !== undefined) assert.equal(error.context.field, field, String(error));
  return true;
};

describe("the entry", () => {
  test("exports what the main one does, the very same objects, but for its createClient", () => {
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(main).sort());
    assert.deepEqual(Object.keys(inline).sort(), Object.keys(main).sort());
    for (const [name, value] of Object.entries(main)) {
      assert.equal(messages[name] === value, name !== "createClient", name);
      assert.equal(inline[name] === value, name !== "createClient", name);
    }
  });

  test("gives a client with everything of the main one, and both work in one program", async () => {
    const other = main.createClient({ address: gateway.address, token: gateway.token });
    assert.deepEqual(Object.keys(im).filter((name) => !(name in other)).sort(), ["groups", "messages"]);
    for (const part of ["chats", "events", "tokens"]) assert.deepEqual(Object.keys(im[part]), Object.keys(other[part]));
    const { chat } = await other.chats.create([someone()]);
    assert.deepEqual(await im.chats.get(chat.guid), chat);
    const stream = im.chats.subscribeEvents({ chat: chat.guid });
    await stream.ready;
    await elsewhere("chats:archive", { chatGuid: chat.guid });
    for await (const event of stream) {
      assert.equal(event.type, "chat.archived");
      break;
    }
    await other.close();
    await im.chats.count();
  });

  test("has the WebAssembly inside the JavaScript where that is asked for", async () => {
    const own = inline.createClient({ address: gateway.address, token: gateway.token });
    assert.equal((await own.messages.send(await direct(), "inline")).content.text, "inline");
    await own.close();
    await assert.rejects(own.messages.get("m"), refused(undefined, ErrorCode.preconditionFailed));
  });

  test("has methods that work without their object", async () => {
    const { send, get } = im.messages;
    const { guid } = await send(await direct(), "detached");
    assert.equal((await get(guid)).content.text, "detached");
  });
});

describe("send", () => {
  test("gives the whole message, and the chat has it", async () => {
    const chat = await direct();
    const message = await im.messages.send(chat, " Happy birthday 🎂 ", {
      effect: "confetti",
      subject: "you",
      formatting: [{ type: "bold", start: 1, length: 5 }],
    });
    assert.equal(message.content.text, "Happy birthday 🎂");
    assert.equal(message.content.expressiveSendStyleId, MessageEffect.confetti);
    assert.deepEqual(message.content.formatting, [{ type: "bold", start: 0, length: 5 }]);
    assert.deepEqual([message.subject, message.isFromMe, message.isSent, message.itemType], ["you", true, true, "normal"]);
    assert.deepEqual([message.chatGuids, message.appliedReactions, message.isSpam], [[chat], [], false]);
    assert.match(message.dateCreated, /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.deepEqual(await im.messages.get(message.guid), message);
    assert.equal((await im.chats.get(chat)).lastMessage.guid, message.guid);
  });

  test("answers a message, or a part of one", async () => {
    const chat = await direct();
    const first = await received(chat, "who?");
    const reply = await im.messages.send(chat, "me", { replyTo: first.guid });
    assert.deepEqual([reply.replyTargetGuid, reply.threadOriginatorGuid], [first.guid, first.guid]);
    const again = await im.messages.send(chat, "really", { replyTo: { guid: reply.guid, partIndex: 0 } });
    assert.deepEqual([again.replyTargetGuid, again.threadOriginatorGuid], [reply.guid, first.guid]);
    await assert.rejects(im.messages.send(chat, "x", { replyTo: "unknown" }), (error) => error instanceof NotFoundError && error.code === "messageNotFound");
  });

  test("is done once for one key", async () => {
    const chat = await direct();
    const options = { clientMessageId: "once, ümlaut" };
    const message = await im.messages.send(chat, "once", options);
    assert.deepEqual(await im.messages.send(chat, "once", options), message);
    await assert.rejects(im.messages.send(chat, "twice", options), (error) => error.constructor === IMessageError && error.code === "duplicateMessage");
    assert.equal((await im.messages.list(chat)).messages.length, 1);
  });

  test("begins the direct chat that is not there yet", async () => {
    const address = someone();
    const message = await im.messages.send(`any;-;${address}`, "hi");
    const { participants, lastMessage } = await im.chats.get(message.chatGuids[0]);
    assert.deepEqual([participants[0].address, lastMessage.guid], [address, message.guid]);
  });

  test("names a chat that cannot be as what was not found", async () => {
    await assert.rejects(im.messages.send("any;-;nobody", "hi"), (error) => error instanceof NotFoundError && error.code === "chatNotFound");
  });
});

describe("edit, unsend, react", () => {
  test("an edit gives the new text, of own messages alone", async () => {
    const chat = await direct();
    const { guid } = await im.messages.send(chat, "first");
    const edited = await im.messages.edit(chat, guid, "second");
    assert.equal(edited.content.text, "second");
    assert.ok(edited.dateEdited >= edited.dateCreated);
    const theirs = await received(chat, "mine");
    await assert.rejects(im.messages.edit(chat, theirs.guid, "x"), refused(undefined, ErrorCode.preconditionFailed));
    await assert.rejects(im.messages.edit(chat, "unknown", "x"), NotFoundError);
  });

  test("what is taken back has no text, and cannot be changed", async () => {
    const chat = await direct();
    const { guid } = await im.messages.send(chat, "oops");
    assert.equal(await im.messages.unsend(chat, guid), undefined);
    const gone = await im.messages.get(guid);
    assert.deepEqual([gone.content.text, typeof gone.dateRetracted], [undefined, "string"]);
    for (const call of [() => im.messages.unsend(chat, guid), () => im.messages.edit(chat, guid, "x"), () => im.messages.react(chat, guid, "love")]) {
      await assert.rejects(call, refused(undefined, ErrorCode.preconditionFailed));
    }
  });

  test("a reaction replaces the one before, and is removed as it was read", async () => {
    const chat = await direct();
    const { guid } = await received(chat, "funny");
    const reactions = ({ appliedReactions }) => appliedReactions.map(({ reaction, isFromMe }) => ({ ...reaction, isFromMe }));
    assert.deepEqual(reactions(await im.messages.react(chat, guid, "laugh")), [{ kind: "laugh", isFromMe: true }]);
    const party = await im.messages.react(chat, guid, { kind: "emoji", emoji: "🎉" });
    assert.deepEqual(reactions(party), [{ kind: "emoji", emoji: "🎉", isFromMe: true }]);
    const [{ reaction }] = party.appliedReactions;
    assert.deepEqual(reactions(await im.messages.react(chat, guid, reaction, { remove: true })), []);
  });
});

describe("list", () => {
  test("has pages, the newest first", async () => {
    const chat = await direct();
    for (const text of ["1", "2", "3"]) await im.messages.send(chat, text);
    await received(chat, "4");
    const texts = (page) => page.messages.map(({ content }) => content.text);
    const first = await im.messages.list(chat, { pageSize: 3 });
    assert.deepEqual(texts(first), ["4", "3", "2"]);
    const second = await im.messages.list(chat, { pageSize: 3, pageToken: first.nextPageToken });
    assert.deepEqual([texts(second), "nextPageToken" in second], [["1"], false]);
    assert.deepEqual(texts(await im.messages.list(chat, { isFromMe: false })), ["4"]);
    assert.deepEqual(texts(await im.messages.list(chat, { isRead: false, isFromMe: false })), ["4"]);
    assert.deepEqual(texts(await im.messages.list(chat, { before: new Date(0) })), []);
    assert.equal((await im.messages.list(chat, { after: "2020-01-01T00:00:00Z", before: new Date(Date.now() + 60_000) })).messages.length, 4);
    await assert.rejects(im.messages.list(chat, { pageToken: "nonsense" }), refused("pageToken"));
  });
});

describe("sendAttachment", () => {
  test("uploads the bytes and sends them, once for one key", async () => {
    const chat = await direct();
    const bytes = new TextEncoder().encode("hello, file");
    const options = { fileName: "hello world.txt", clientMessageId: "file, ümlaut" };
    const sending = im.messages.sendAttachment(chat, bytes, options);
    bytes.fill(0);
    const message = await sending;
    const [attachment] = message.content.attachments;
    assert.deepEqual(
      [attachment.fileName, attachment.mimeType, attachment.totalBytes, attachment.isOutgoing, attachment.transferState],
      ["hello world.txt", "text/plain", 11, true, "finished"],
    );
    const data = await fetch(new URL(`/v1/attachments/${attachment.guid}/data`, gateway.address), { headers: { authorization: `Bearer ${gateway.token}` } });
    assert.equal(await data.text(), "hello, file", "what was given, although it changed later");
    const again = await im.messages.sendAttachment(chat, new TextEncoder().encode("hello, file"), options);
    assert.deepEqual(again, message, "neither uploaded nor sent twice");
    const forwarded = await im.messages.sendAttachment(await direct(), attachment.guid);
    assert.equal(forwarded.content.attachments[0].guid, attachment.guid);
    await assert.rejects(im.messages.sendAttachment(chat, "unknown"), (error) => error.code === "attachmentNotFound");
  });

  test("says what was uploaded when the message is not sent", async () => {
    const bytes = new Uint8Array([1]);
    const error = await im.messages.sendAttachment("any;-;nobody", bytes, { fileName: "a.bin" }).catch((error) => error);
    assert.equal(error.code, "chatNotFound");
    const sent = await im.messages.sendAttachment(await direct(), error.context.attachmentGuid);
    assert.equal(sent.content.attachments[0].fileName, "a.bin");
  });

  test("refuses a file that is too large without reading or sending it", async () => {
    const server = createServer((request) => assert.fail(request.url));
    const { address, close } = await listen(server);
    const own = createClient({ address, token: "t" });
    const large = new Uint8Array(104_857_601);
    await assert.rejects(own.messages.sendAttachment("any;-;a@b.c", large, { fileName: "f" }), (error) => {
      assert.deepEqual([error.context.bytes, error.context.limit], ["104857601", "104857600"]);
      return refused("data")(error);
    });
    await own.close();
    await close();
  });
});

describe("groups", () => {
  test("are read, named, changed and left", async () => {
    const [one, two, three] = [someone(), someone(), someone()];
    const { chat } = await im.chats.create([one, two]);
    assert.deepEqual(await im.groups.get(chat.guid), chat);
    assert.equal((await im.groups.rename(chat.guid, " Trip ")).displayName, "Trip");
    const people = ({ participants }) => participants.map(({ address }) => address).sort();
    assert.deepEqual(people(await im.groups.add(chat.guid, [three])), [one, two, three].sort());
    assert.deepEqual(people(await im.groups.remove(chat.guid, [one])), [two, three].sort());
    assert.equal(await im.groups.leave(chat.guid), undefined);
    await assert.rejects(im.groups.leave(chat.guid), refused(undefined, ErrorCode.preconditionFailed));
    await assert.rejects(im.messages.send(chat.guid, "still here?"), refused(undefined, ErrorCode.preconditionFailed));
  });

  test("a direct chat is none", async () => {
    const chat = await direct();
    for (const call of [im.groups.get(chat), im.groups.rename(chat, "x"), im.groups.add(chat, ["a@b.c"]), im.groups.leave(chat)]) {
      await assert.rejects(call, refused("chat"));
    }
  });
});

describe("input", () => {
  const wrong = [
    [() => im.messages.send("any;-;a@b.c", "hi", { effects: "confetti" }), "effects"],
    [() => im.messages.send("any;-;a@b.c", "hi", { fileName: "f" }), "fileName"],
    [() => im.messages.send("any;-;a@b.c", "hi", { replyTo: { guid: "m", part: 1 } }), "replyTo.part"],
    [() => im.messages.send("any;-;a@b.c", "hi", { formatting: [{ type: "bold", start: 0, end: 1 }] }), "formatting[0].end"],
    [() => im.messages.send("any;-;a@b.c", "hi", { formatting: "bold" }), "formatting"],
    [() => im.messages.send("any;-;a@b.c", "hi", { formatting: Array(1_001).fill({ type: "bold", start: 0, length: 1 }) }), "formatting"],
    [() => im.messages.send("any;-;a@b.c", "x".repeat(262_145)), "text"],
    [() => im.messages.send("any;-;a@b.c"), "text"],
    [() => im.messages.react("any;-;a@b.c", "m", "🎉"), "reaction"],
    [() => im.messages.react("any;-;a@b.c", "m", { kind: "love", emojis: "x" }), "reaction.emojis"],
    [() => im.messages.list("any;-;a@b.c", { before: new Date(NaN) }), "before"],
    [() => im.messages.list("any;-;a@b.c", { clientMessageId: "k" }), "clientMessageId"],
    [() => im.messages.sendAttachment("any;-;a@b.c", new Uint8Array(1), { fileName: "f", subject: "s" }), "subject"],
    [() => im.messages.sendAttachment("any;-;a@b.c", new Blob(["x"]), { fileName: "f" }), "data"],
    [() => im.messages.send("any;-;a@b.c", "hi", { get replyTo() { throw new Error("mine"); } }), "replyTo"],
    [() => im.messages.react("any;-;a@b.c", "m", { get kind() { throw new Error("mine"); } }), "reaction"],
    [() => im.groups.rename("any;+;g", 5), "name"],
  ];
  for (const [call, field] of wrong) {
    test(`${/im\.\w+\.\w+/.exec(call)[0]} names ${field}`, async () => {
      await assert.rejects(call(), refused(field));
    });
  }

  test("an error has the stack of the call", async () => {
    async function callsIt() {
      await im.messages.send("nobody", "hi");
    }
    const error = await callsIt().catch((error) => error);
    assert.match(error.stack, /callsIt/);
  });
});
