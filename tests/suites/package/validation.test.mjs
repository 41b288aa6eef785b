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

/** The first line of the stack is the caller's, and none is ours but where a stream was pulled. */
function isBlamed(error) {
  const [, first] = /^    at (.*)$/m.exec(error.stack) ?? [];
  assert.match(first, /validation\.test\.mjs/, error.stack);
  assert.ok(error.stack.startsWith(`${error.name}: ${error.message}\n`), error.stack);
}

const isInvalid = (field) => (error) => {
  assert.ok(error instanceof ValidationError, `${error}`);
  assert.equal(error.code, ErrorCode.invalidArgument);
  assert.equal(error.grpcCode, 3);
  assert.equal(error.retryable, false);
  assert.equal(error.context.field, field);
  isBlamed(error);
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
    "an effect nobody knows": [() => im.chats.create(["a@b.c"], { message: "x", effect: "confeti" }), "effect"],
    "an effect by a key of objects": [() => im.chats.create(["a@b.c"], { message: "x", effect: "toString" }), "effect"],
    "an empty key": [() => im.chats.create(["a@b.c"], { clientMessageId: "" }), "clientMessageId"],
    "a key of white space": [() => im.chats.create(["a@b.c"], { clientMessageId: " \u3000" }), "clientMessageId"],
    "a key with a line break": [() => im.chats.create(["a@b.c"], { clientMessageId: "a\nb" }), "clientMessageId"],
    "a key with a NUL": [() => im.chats.create(["a@b.c"], { clientMessageId: "a\0b" }), "clientMessageId"],
    "a key with half a surrogate pair": [() => im.chats.create(["a@b.c"], { clientMessageId: "\udc00" }), "clientMessageId"],
    "a key of 256 bytes": [() => im.chats.create(["a@b.c"], { clientMessageId: "é".repeat(128) }), "clientMessageId"],
    "options that are a string": [() => im.chats.create(["a@b.c"], "x"), "options"],
    "no guid": [() => im.chats.get(), "chat"],
    "an address instead of a guid": [() => im.chats.get("alice@example.com"), "chat"],
    "a guid with nothing behind": [() => im.chats.markRead("any;-;"), "chat"],
    "typing without a boolean": [() => im.chats.setTyping(GUID), "isTyping"],
    "typing with a string": [() => im.chats.setTyping(GUID, "true"), "isTyping"],
    "an empty background": [() => im.chats.setBackground(GUID, new Uint8Array(0)), "data"],
    "a background that is a path": [() => im.chats.setBackground(GUID, "background.jpg"), "data"],
    "a background that is missing": [() => im.chats.setBackground(GUID), "data"],
    "a background of more than 20 MiB": [() => im.chats.setBackground(GUID, new Uint8Array(25 * 1024 * 1024)), "data"],
    "a background in a buffer that was transferred": [() => im.chats.setBackground(GUID, transferred()), "data"],
    "a background that is called a buffer": [() => im.chats.setBackground(GUID, { [Symbol.toStringTag]: "ArrayBuffer" }), "data"],
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

/** A buffer whose bytes went elsewhere. */
function transferred() {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

describe("every argument of every method, of every wrong type", () => {
  const WRONG = [undefined, null, true, 7, 7n, "x", Symbol("x"), [], {}, () => {}, new Date(), NaN];
  const not = (...fine) => WRONG.filter((value) => !fine.includes(typeof value));
  /** What each argument takes besides, so that it is right here: `undefined` leaves an option out. */
  const chat = (method, ...rest) => ["chat", WRONG, (value) => im.chats[method](value, ...rest)];
  const options = (method, ...before) => ["options", not("undefined", "object", "function"), (value) => im.chats[method](...before, value)];
  const signal = (method, ...before) => ["signal", not("undefined"), (signal) => im.chats[method](...before, { signal })];
  const image = new Uint8Array(1);
  const create = (name, wrong) => [name, wrong, (value) => im.chats.create(["a@b.c"], { message: "x", [name]: value })];
  const text = not("undefined", "string");
  const stream = (open) => async (value) => drain(open(value));
  const subscribe = (name, wrong) => [name, wrong, stream((value) => im.chats.subscribeEvents({ [name]: value }))];
  const cases = {
    create: [
      ["addresses", WRONG.filter((value) => !Array.isArray(value)), (value) => im.chats.create(value)],
      ["addresses[0]", not("string"), (value) => im.chats.create([value])],
      create("message", text),
      create("subject", text),
      create("clientMessageId", text),
      create("effect", not("undefined")),
      options("create", ["a@b.c"]),
      signal("create", ["a@b.c"]),
    ],
    count: [
      ["includeArchived", not("undefined", "boolean"), (includeArchived) => im.chats.count({ includeArchived })],
      options("count"),
      signal("count"),
    ],
    ...Object.fromEntries(
      ["get", "markRead", "shareContactInfo", "hasBackground", "removeBackground"].map((method) => [
        method,
        [chat(method), options(method, GUID), signal(method, GUID)],
      ]),
    ),
    setTyping: [
      chat("setTyping", true),
      ["isTyping", not("boolean"), (value) => im.chats.setTyping(GUID, value)],
      options("setTyping", GUID, true),
      signal("setTyping", GUID, true),
    ],
    setBackground: [
      chat("setBackground", image),
      ["data", WRONG, (value) => im.chats.setBackground(GUID, value)],
      options("setBackground", GUID, image),
      signal("setBackground", GUID, image),
    ],
    subscribeEvents: [
      subscribe("chat", not("undefined")),
      subscribe("after", WRONG.filter((value) => value !== undefined && value !== 7)),
      subscribe("resume", not("undefined", "boolean")),
      subscribe("onGap", not("undefined", "function")),
      subscribe("signal", not("undefined")),
      ["options", not("undefined", "object", "function"), stream((value) => im.chats.subscribeEvents(value))],
    ],
    catchUp: [
      ["after", WRONG.filter((value) => value !== undefined && value !== 7), stream((value) => im.events.catchUp(value))],
      ["options", not("undefined", "object", "function"), stream((value) => im.events.catchUp(undefined, value))],
      ["signal", not("undefined"), stream((signal) => im.events.catchUp(undefined, { signal }))],
    ],
  };
  for (const [method, fields] of Object.entries(cases)) {
    for (const [field, wrong, call] of fields) {
      test(`${method}: ${field}`, async () => {
        const before = requests;
        for (const value of wrong) {
          await assert.rejects(() => call(value), isInvalid(field), `${method} ${field} ${String(value)}`);
        }
        assert.equal(requests, before, "nothing was sent");
      });
    }
  }

  const complete = { address: "im.example.com", token: "t" };
  const client = {
    options: [WRONG.filter((value) => typeof value !== "object" || value === null || Array.isArray(value)), (value) => createClient(value)],
    address: [not("string"), (address) => createClient({ ...complete, address })],
    token: [not("string", "function"), (token) => createClient({ ...complete, token })],
    tls: [not("undefined", "boolean"), (tls) => createClient({ ...complete, tls })],
    timeout: [WRONG.filter((value) => value !== undefined && value !== 7), (timeout) => createClient({ ...complete, timeout })],
    retry: [[null, 7, 7n, "x", Symbol("x"), [], () => {}], (retry) => createClient({ ...complete, retry })],
    autoIdempotency: [not("undefined", "boolean"), (autoIdempotency) => createClient({ ...complete, autoIdempotency })],
    server: [not("undefined", "string"), (server) => createClient({ ...complete, server })],
    wasm: [[null, true, 7, 7n, "", Symbol("x"), [], {}, new Date()], (wasm) => createClient({ ...complete, wasm })],
  };
  for (const [field, [wrong, call]] of Object.entries(client)) {
    test(`createClient: ${field}`, () => {
      for (const value of wrong) assert.throws(() => call(value), isInvalid(field), `${field} ${String(value)}`);
    });
  }
});

test("a token that the environment does not have is refused with what to do", () => {
  assert.throws(() => createClient({ address: "a", token: process.env.IM_CHATS_NO_SUCH_VARIABLE }), {
    message: "token: expected a token, or a function that gives one, got undefined; if it comes from the environment, set the variable",
  });
});

test("how large a background may be is said", async () => {
  await assert.rejects(im.chats.setBackground(GUID, new Uint8Array(25 * 1024 * 1024)), {
    message: "data: at most 20 MiB",
    context: { field: "data", bytes: "26214400", limit: "20971520" },
  });
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
