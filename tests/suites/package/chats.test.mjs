// The founding page, row by row, through the packed package against the real gateway.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { runInNewContext } from "node:vm";

import { createClient, ErrorCode, IMessageError, MessageEffect, NotFoundError, ValidationError } from "im-chats";

import { startGateway, startRelay } from "../support/gateway.mjs";
import { sunset } from "../support/picture.mjs";

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

describe("create", () => {
  test("one address is a direct chat, created once and resolved after that", async () => {
    const { chat, ...rest } = await im.chats.create(["Alice@Example.COM"]);
    assert.equal(chat.guid, "any;-;alice@example.com");
    assert.equal(chat.isGroup, false);
    assert.equal(chat.displayName, "Alice");
    assert.deepEqual(chat.participants, [{ address: "alice@example.com", service: "iMessage" }]);
    assert.deepEqual(rest, {}, "no key for a message that was not sent");
    const again = await im.chats.create(["alice@example.com"]);
    assert.equal(again.chat.guid, chat.guid);
  });

  test("two or more addresses are a group", async () => {
    const { chat } = await im.chats.create([someone(), someone()]);
    assert.match(chat.guid, /^any;\+;.+/);
    assert.equal(chat.isGroup, true);
    assert.equal(chat.participants.length, 2);
  });

  test("phone numbers become E.164", async () => {
    const { chat } = await im.chats.create(["+1 (415) 555-2671"]);
    assert.equal(chat.guid, "any;-;+14155552671");
    assert.equal(chat.participants[0].country, "US");
  });

  test("an opening message goes along, with its effect", async () => {
    const { chat, initialMessage } = await im.chats.create([someone()], {
      message: "Happy birthday 🎂",
      subject: "you",
      effect: MessageEffect.confetti,
    });
    assert.equal(initialMessage.content.text, "Happy birthday 🎂");
    assert.equal(initialMessage.content.expressiveSendStyleId, MessageEffect.confetti);
    assert.equal(initialMessage.subject, "you");
    assert.equal(initialMessage.isFromMe, true);
    assert.deepEqual(initialMessage.chatGuids, [chat.guid]);
    assert.match(initialMessage.dateCreated, /^\d{4}-\d\d-\d\dT.*Z$/);
    const { lastMessage } = await im.chats.get(chat.guid);
    assert.deepEqual(lastMessage, initialMessage);
  });

  test("an effect may be given by its short name", async () => {
    assert.equal(Object.keys(MessageEffect).length, 13);
    for (const [name, id] of Object.entries(MessageEffect)) {
      const { initialMessage } = await im.chats.create([someone()], { message: "x", effect: name });
      assert.equal(initialMessage.content.expressiveSendStyleId, id, name);
    }
  });

  test("an effect without a message does not go out", async () => {
    const result = await im.chats.create([someone()], { effect: MessageEffect.lasers });
    assert.equal("initialMessage" in result, false);
  });

  test("the same key and the same write give the first result; another write is a conflict", async () => {
    const address = someone();
    const options = { message: "once", clientMessageId: "order-1" };
    const first = await im.chats.create([address], options);
    const second = await im.chats.create([address], options);
    assert.deepEqual(second, first, "the message was sent once");
    const conflict = await im.chats.create([address], { ...options, message: "twice" }).catch((error) => error);
    assert.ok(conflict instanceof IMessageError);
    assert.equal(conflict.constructor, IMessageError);
    assert.equal(conflict.code, ErrorCode.duplicateMessage);
  });

  const KEYS = ["日本", "😀", "é", "pad", "pad ", " pad", "a b", "k".repeat(255), "日".repeat(85)];
  test("any text is a key, and no two are the same", async () => {
    const address = someone();
    const guids = new Set();
    for (const clientMessageId of KEYS) {
      const { initialMessage } = await im.chats.create([address], { message: "once", clientMessageId });
      guids.add(initialMessage.guid);
      const again = await im.chats.create([address], { message: "once", clientMessageId });
      assert.equal(again.initialMessage.guid, initialMessage.guid, clientMessageId);
      const conflict = im.chats.create([address], { message: "twice", clientMessageId });
      await assert.rejects(conflict, { code: "duplicateMessage" }, clientMessageId);
    }
    assert.equal(guids.size, KEYS.length);
  });

  test("such keys go through the relay", async () => {
    const upstream = await startGateway();
    const relay = await startRelay(upstream);
    const [through, directly] = [relay, upstream].map(({ address, token }) => createClient({ address, token }));
    try {
      const address = someone();
      const guids = new Set();
      for (const clientMessageId of KEYS) {
        const options = { message: "once", clientMessageId };
        const { initialMessage } = await through.chats.create([address], options);
        guids.add(initialMessage.guid);
        const again = await directly.chats.create([address], options);
        assert.equal(again.initialMessage.guid, initialMessage.guid, clientMessageId);
      }
      assert.equal(guids.size, KEYS.length);
      // A key in a header that metadata cannot carry goes into the body, too.
      const headers = { authorization: `Bearer ${relay.token}`, "content-type": "application/json", "x-idempotency-key": Buffer.from("日本").toString("latin1") };
      const body = JSON.stringify({ addresses: [address], service: "CHAT_SERVICE_TYPE_IMESSAGE", initialMessage: { text: "other" } });
      const answer = await fetch(`${relay.address}/v1/chats`, { method: "POST", headers, body });
      assert.equal(answer.status, 409, "the key that was used for another write");
    } finally {
      await Promise.all([through.close(), directly.close()]);
      await relay.stop();
      await upstream.stop();
    }
  });

  test("the server refuses what is no one's address, by its place in the list", async () => {
    for (const [addresses, field] of [
      [["12345"], "addresses[0]"],
      [["bob@example.com", "not an address"], "addresses[1]"],
      [["bob@example.com", "BOB@example.com"], "addresses[1]"],
      [["+1 900 555 0123"], "addresses[0]"],
      [["alice@"], "addresses[0]"],
    ]) {
      const error = await im.chats.create(addresses).catch((error) => error);
      assert.ok(error instanceof ValidationError, `${addresses}: ${error}`);
      assert.equal(error.context.field, field, `${addresses}`);
      assert.equal(error.source, "middleware");
      assert.match(error.requestId, /./);
    }
  });
});

describe("get and count", () => {
  test("get gives the documented chat", async () => {
    const { chat } = await im.chats.create([someone()]);
    const got = await im.chats.get(`  ${chat.guid} `);
    assert.deepEqual(Object.keys(got).sort(), Object.keys(chat).sort());
    for (const [key, type] of Object.entries({
      guid: "string",
      displayName: "string",
      isGroup: "boolean",
      service: "string",
      isArchived: "boolean",
      isFiltered: "boolean",
      unreadCount: "number",
    })) {
      assert.equal(typeof got[key], type, key);
    }
    assert.ok(Array.isArray(got.participants));
    assert.equal(Object.values(got).includes(null), false, "an absent value is an absent key");
  });

  test("an unknown chat is NotFoundError", async () => {
    const error = await im.chats.get("any;-;nobody@example.com").catch((error) => error);
    assert.ok(error instanceof NotFoundError && error instanceof IMessageError && error instanceof Error);
    assert.equal(error.name, "NotFoundError");
    assert.equal(error.code, ErrorCode.chatNotFound);
    assert.equal(error.grpcCode, 5);
    assert.equal(error.retryable, false);
    for (const method of ["markRead", "shareContactInfo", "hasBackground", "removeBackground"]) {
      await assert.rejects(im.chats[method]("any;+;nothing"), NotFoundError, method);
    }
    await assert.rejects(im.chats.setTyping("any;+;nothing", true), NotFoundError);
  });

  test("archived chats are not counted unless asked for", async () => {
    const { chat } = await im.chats.create([someone()]);
    const [active, total] = [await im.chats.count(), await im.chats.count({ includeArchived: true })];
    await elsewhere("chats:archive", { chatGuid: chat.guid });
    assert.equal(await im.chats.count(), active - 1);
    assert.equal(await im.chats.count({ includeArchived: true }), total);
    assert.equal((await im.chats.get(chat.guid)).isArchived, true);
  });
});

describe("reading, typing, contact card", () => {
  test("markRead clears the unread count and is safe to repeat", async () => {
    const address = someone();
    const { chat } = await im.chats.create([address]);
    await elsewhere("messages:receive", { chatGuid: chat.guid, from: address, text: "hello?" });
    assert.equal((await im.chats.get(chat.guid)).unreadCount, 1);
    assert.equal(await im.chats.markRead(chat.guid), undefined);
    assert.equal((await im.chats.get(chat.guid)).unreadCount, 0);
    await im.chats.markRead(chat.guid);
  });

  test("typing and the contact card answer nothing, and nothing is logged", async () => {
    const { chat } = await im.chats.create([someone()]);
    const head = async () => {
      let last;
      for await (const event of im.events.catchUp()) last = event;
      return last.headSequence;
    };
    const before = await head();
    assert.equal(await im.chats.setTyping(chat.guid, true), undefined);
    assert.equal(await im.chats.setTyping(chat.guid, false), undefined);
    assert.equal(await im.chats.shareContactInfo(chat.guid), undefined);
    assert.equal(await head(), before);
  });
});

describe("backgrounds", () => {
  test("set, asked for, removed, removed again", async () => {
    const { chat } = await im.chats.create([someone()]);
    assert.equal(await im.chats.hasBackground(chat.guid), false);
    assert.equal(await im.chats.setBackground(chat.guid, sunset(40, 30)), undefined);
    assert.equal(await im.chats.hasBackground(chat.guid), true);
    assert.equal(await im.chats.removeBackground(chat.guid), undefined);
    assert.equal(await im.chats.hasBackground(chat.guid), false);
    await im.chats.removeBackground(chat.guid);
  });

  test("every kind of bytes is sent whole, and only what a view shows", async () => {
    const { chat } = await im.chats.create([someone()]);
    const image = sunset(33, 21);
    const padded = new Uint8Array(image.length + 20).fill(7);
    padded.set(image, 10);
    const own = new Uint8Array(image).buffer;
    // Another frame or realm has classes of its own.
    const foreign = (kind) => runInNewContext(`new Uint8Array(new ${kind}(bytes.length))`, { bytes: image });
    const [view, shared] = [foreign("ArrayBuffer"), foreign("SharedArrayBuffer")];
    const ownShared = new Uint8Array(new SharedArrayBuffer(image.length));
    for (const each of [view, shared, ownShared]) each.set(image);
    for (const [kind, data] of [
      ["Buffer", image],
      ["ArrayBuffer", own],
      ["Uint8Array inside a larger buffer", padded.subarray(10, 10 + image.length)],
      ["DataView inside a larger buffer", new DataView(padded.buffer, 10, image.length)],
      ["Uint8Array of another realm", view],
      ["ArrayBuffer of another realm", view.buffer],
      ["SharedArrayBuffer of another realm", shared.buffer],
      ["SharedArrayBuffer", ownShared.buffer],
    ]) {
      await im.chats.setBackground(chat.guid, data);
      assert.deepEqual(await stored(chat.guid), new Uint8Array(image), kind);
    }
  });

  test("sizes around the pieces it is encoded in, and a large one", async () => {
    const { chat } = await im.chats.create([someone()]);
    for (const size of [49_151, 49_152, 49_153, 49_154, 8 * 1024 * 1024]) {
      const image = new Uint8Array(size);
      for (let index = 0; index < size; index += 1) image[index] = (index * 31) ^ (index >> 8);
      image.set(sunset(2, 2));
      await im.chats.setBackground(chat.guid, image);
      assert.equal(Buffer.compare(await stored(chat.guid), image), 0, `${size} bytes`);
    }
  });

  test("what is no picture, or none of the four kinds, is refused by the server", async () => {
    const { chat } = await im.chats.create([someone()]);
    for (const text of ["GIF89a______", "<svg xmlns='http://www.w3.org/2000/svg'/>", "BM______", "II*\0____", "random"]) {
      await assert.rejects(im.chats.setBackground(chat.guid, Buffer.from(text)), (error) => {
        assert.ok(error instanceof ValidationError);
        assert.equal(error.context.field, "data");
        return true;
      });
    }
    assert.equal(await im.chats.hasBackground(chat.guid), false);
  });

  const stored = async (guid) => {
    const url = new URL(`/emulator/v1/chats:background?chatGuid=${encodeURIComponent(guid)}`, gateway.address);
    const answer = await fetch(url, { headers: { authorization: `Bearer ${gateway.token}` } });
    assert.equal(answer.status, 200);
    return new Uint8Array(await answer.arrayBuffer());
  };
});
