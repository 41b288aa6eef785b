// Bad input: the right class, the field by name, and nothing on the network.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";

import { createClient, ErrorCode, ValidationError } from "im-chats";

let server;
let requests = 0;
let im;

before(async () => {
  server = createServer((_, response) => {
    requests += 1;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  server.on("upgrade", (_, socket) => {
    requests += 1;
    socket.destroy();
  });
  await once(server, "listening");
  im = createClient({ address: `127.0.0.1:${server.address().port}`, tls: false, token: "t" });
});

after(async () => {
  await im.close();
  server.close();
});

const GUID = "any;-;alice@example.com";

const isInvalid = (field) => (error) => {
  assert.ok(error instanceof ValidationError, `${error}`);
  assert.equal(error.code, ErrorCode.invalidArgument);
  assert.equal(error.grpcCode, 3);
  assert.equal(error.retryable, false);
  assert.equal(error.context.field, field);
  assert.ok(error.message.startsWith(`${field}: `) && !error.message.slice(field.length + 2).startsWith(field), error.message);
  return true;
};

const drain = async (stream) => {
  for await (const _ of stream);
};

describe("refused before anything is sent", () => {
  const calls = {
    "create(undefined)": [() => im.chats.create(), "addresses"],
    "create of a string": [() => im.chats.create("alice@example.com"), "addresses"],
    "create([])": [() => im.chats.create([]), "addresses"],
    "an empty address": [() => im.chats.create(["a@b.c", " "]), "addresses[1]"],
    "an address that is no string": [() => im.chats.create([7]), "addresses[0]"],
    "half a surrogate pair": [() => im.chats.create(["a@b.c"], { message: "\ud83c" }), "message"],
    "a misspelt option": [() => im.chats.create(["a@b.c"], { mesage: "x" }), "mesage"],
    "an option of the wrong type": [() => im.chats.create(["a@b.c"], { message: 5 }), "message"],
    "an option that is null": [() => im.chats.create(["a@b.c"], { message: null }), "message"],
    "an empty message": [() => im.chats.create(["a@b.c"], { message: "" }), "message"],
    "an effect nobody knows": [() => im.chats.create(["a@b.c"], { message: "x", effect: "confetti" }), "effect"],
    "an empty key": [() => im.chats.create(["a@b.c"], { clientMessageId: "" }), "clientMessageId"],
    "options that are a string": [() => im.chats.create(["a@b.c"], "x"), "options"],
    "no guid": [() => im.chats.get(), "chat"],
    "an address instead of a guid": [() => im.chats.get("alice@example.com"), "chat"],
    "a guid with nothing behind": [() => im.chats.markRead("any;-;"), "chat"],
    "typing without a boolean": [() => im.chats.setTyping(GUID), "isTyping"],
    "typing with a string": [() => im.chats.setTyping(GUID, "true"), "isTyping"],
    "an empty background": [() => im.chats.setBackground(GUID, new Uint8Array(0)), "data"],
    "a background that is a path": [() => im.chats.setBackground(GUID, "background.jpg"), "data"],
    "a background that is missing": [() => im.chats.setBackground(GUID), "data"],
    "count with a string": [() => im.chats.count({ includeArchived: "yes" }), "includeArchived"],
    "count with a misspelt option": [() => im.chats.count({ includeArchive: true }), "includeArchive"],
    "a signal that is none": [() => im.chats.get(GUID, { signal: {} }), "signal"],
    "a stream of no chat": [() => drain(im.chats.subscribeEvents({ chat: "alice" })), "chat"],
    "a stream with a misspelt option": [() => drain(im.chats.subscribeEvents({ chats: GUID })), "chats"],
    "a stream after a negative sequence": [() => drain(im.chats.subscribeEvents({ after: -1 })), "after"],
    "a stream with an odd onGap": [() => drain(im.chats.subscribeEvents({ onGap: true })), "onGap"],
    "a catch-up after a fraction": [() => drain(im.events.catchUp(1.5)), "after"],
    "a catch-up after an unsafe integer": [() => drain(im.events.catchUp(2 ** 53)), "after"],
    "a catch-up after a negative sequence": [() => drain(im.events.catchUp(-1)), "after"],
    "a catch-up after no cursor": [() => drain(im.events.catchUp("yesterday")), "after"],
  };
  for (const [name, [call, field]] of Object.entries(calls)) {
    test(name, async () => {
      const before = requests;
      await assert.rejects(call, isInvalid(field));
      assert.equal(requests, before, "nothing was sent");
    });
  }
});

describe("createClient refuses at once", () => {
  const options = { address: "im.example.com", token: "t" };
  for (const [name, bad, field] of [
    ["no options", undefined, "options"],
    ["no address", { token: "t" }, "address"],
    ["an address with a path", { ...options, address: "im.example.com/v1" }, "address"],
    ["an address of another scheme", { ...options, address: "ftp://im.example.com" }, "address"],
    ["an address with a password", { ...options, address: "https://u:p@im.example.com" }, "address"],
    ["no token", { address: "a" }, "token"],
    ["an empty token", { ...options, token: "" }, "token"],
    ["a misspelt option", { ...options, adress: "x" }, "adress"],
    ["a timeout of 0", { ...options, timeout: 0 }, "timeout"],
    ["a timeout that is a string", { ...options, timeout: "5s" }, "timeout"],
    ["a retry that is a number", { ...options, retry: 3 }, "retry"],
    ["no attempts", { ...options, retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    ["a misspelt retry option", { ...options, retry: { attempts: 3 } }, "attempts"],
    ["a server with a line break", { ...options, server: "a\nb" }, "server"],
    ["tls that is a string", { ...options, tls: "no" }, "tls"],
  ]) {
    test(name, () => assert.throws(() => createClient(bad), isInvalid(field)));
  }
});
