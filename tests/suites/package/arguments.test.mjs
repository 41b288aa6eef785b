// Arguments are read once, while the method is called: a later change is not seen, and what cannot be read is refused by name.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { createClient, ErrorCode, ValidationError } from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";

const GUID = "any;-;alice@example.com";

/** What arrived, as parsed JSON. */
const received = [];
let server;
let address;

before(async () => {
  const recording = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    received.push({ url: request.url, ...(text && JSON.parse(text)) });
    response.statusCode = 500;
    response.end();
  });
  server = await listen(recording);
  address = server.address;
});

after(() => server.close());

/** What a call sends, of a client whose wasm side has not started, and of one where it has. */
async function sent(call) {
  const bodies = [];
  const im = createClient({ address, token: "t" });
  for (let round = 0; round < 2; round++) {
    received.length = 0;
    await assert.rejects(call(im), { code: ErrorCode.internalError });
    bodies.push(received.pop());
  }
  await im.close();
  return bodies;
}

const refused = (field, cause) => (error) => {
  assert.ok(error instanceof ValidationError, error?.stack ?? String(error));
  assert.equal(error.context.field, field);
  assert.ok(error.message.startsWith(`${field}: `), error.message);
  if (cause) {
    assert.equal(error.message, `${field}: could not be read: ${cause.message}`);
    assert.equal(error.cause, cause);
  }
  assert.match(/^    at (.*)$/m.exec(error.stack)[1], /arguments\.test\.mjs/, error.stack);
  return true;
};

const drain = async (stream) => {
  for await (const _ of stream);
};

describe("what is changed after the call is not sent:", () => {
  test("addresses", async () => {
    for (const body of await sent((im) => {
      const addresses = ["first@example.com"];
      const call = im.chats.create(addresses);
      addresses[0] = "second@example.com";
      addresses.push("third@example.com");
      return call;
    })) {
      assert.deepEqual(body.addresses, ["first@example.com"]);
    }
  });

  test("options", async () => {
    for (const { initialMessage } of await sent((im) => {
      const options = { message: "first" };
      const call = im.chats.create(["a@example.com"], options);
      options.message = "second";
      options.subject = "a subject";
      return call;
    })) {
      assert.deepEqual(initialMessage, { text: "first" });
    }
    for (const { url } of await sent((im) => {
      const options = { includeArchived: true };
      const call = im.chats.count(options);
      options.includeArchived = false;
      return call;
    })) {
      assert.match(url, /true/);
    }
  });

  for (const [name, make] of [
    ["a Uint8Array", (buffer) => new Uint8Array(buffer, 1, 2)],
    ["another view", (buffer) => new DataView(buffer, 1, 2)],
    ["a buffer", (buffer) => buffer],
  ]) {
    test(`the image: ${name}`, async () => {
      for (const { data } of await sent((im) => {
        const bytes = new Uint8Array([1, 2, 3, 4]);
        const call = im.chats.setBackground(GUID, make(bytes.buffer));
        bytes.fill(9);
        structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
        return call;
      })) {
        assert.deepEqual([...Buffer.from(data, "base64")], name === "a buffer" ? [1, 2, 3, 4] : [2, 3]);
      }
    });
  }

  test("the options of a stream", async () => {
    const gateway = await startGateway();
    const im = createClient({ address: gateway.address, token: gateway.token });
    const happen = async ({ chat }) => {
      const [status] = await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: chat.guid });
      assert.equal(status, 200);
    };
    const [first, second] = [await im.chats.create(["a@example.com"]), await im.chats.create(["b@example.com"])];
    await happen(second);
    await happen(first);
    const other = createClient({ address: gateway.address, token: gateway.token });
    try {
      for (let round = 0; round < 2; round++) {
        const options = { chat: first.chat.guid, after: 0 };
        const stream = other.chats.subscribeEvents(options);
        options.chat = second.chat.guid;
        const { value } = await stream[Symbol.asyncIterator]().next();
        assert.equal(value.chatGuid, first.chat.guid);
        await stream.close();
      }
    } finally {
      await im.close();
      await other.close();
      await gateway.stop();
    }
  });
});

describe("what throws when it is read is refused by name:", () => {
  const cause = new Error("not today");
  const throwing = (name) => Object.defineProperty({}, name, { enumerable: true, get: () => { throw cause; } });
  const calls = {
    create: ["message", "effect", "subject", "clientMessageId", "signal"].map((name) => [name, (im, options) => im.chats.create(["a@b.c"], options)]),
    count: ["includeArchived", "signal"].map((name) => [name, (im, options) => im.chats.count(options)]),
    setTyping: [["signal", (im, options) => im.chats.setTyping(GUID, true, options)]],
    setBackground: [["signal", (im, options) => im.chats.setBackground(GUID, new Uint8Array(1), options)]],
    subscribeEvents: ["chat", "after", "cursor", "resume", "onGap", "signal"].map((name) => [
      name,
      (im, options) => {
        const stream = im.chats.subscribeEvents(options);
        return drain(stream);
      },
    ]),
    subscribe: ["chats", "types", "after", "cursor", "resume", "onGap", "signal"].map((name) => [
      name,
      (im, options) => drain(im.events.subscribe(options)),
    ]),
    catchUp: ["cursor", "signal"].map((name) => [name, (im, options) => drain(im.events.catchUp(undefined, options))]),
  };
  for (const method of ["get", "markRead", "shareContactInfo", "hasBackground", "removeBackground"]) {
    calls[method] = [["signal", (im, options) => im.chats[method](GUID, options)]];
  }
  for (const [method, options] of Object.entries(calls)) {
    test(`the options of ${method}`, async () => {
      received.length = 0;
      const im = createClient({ address, token: "t" });
      for (const [name, call] of options) {
        await assert.rejects(async () => call(im, throwing(name)), refused(name, cause));
      }
      await im.close();
      assert.deepEqual(received, [], "nothing was sent");
    });
  }

  test("an address", async () => {
    const im = createClient({ address, token: "t" });
    const addresses = Object.defineProperty(["a@b.c"], 1, { get: () => { throw cause; } });
    await assert.rejects(im.chats.create(addresses), refused("addresses[1]", cause));
    await im.close();
  });

  test("a proxy that was revoked, as often as it comes: the client still works, and closes", async () => {
    const im = createClient({ address, token: "t" });
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    for (let round = 0; round < 1_100; round++) await assert.rejects(im.chats.create(proxy), refused("addresses"));
    const wrong = [
      ["addresses[0]", () => im.chats.create([proxy])],
      ["options", () => im.chats.create(["a@b.c"], proxy)],
      ["message", () => im.chats.create(["a@b.c"], { message: proxy })],
      ["signal", () => im.chats.count({ signal: proxy })],
      ["chat", () => im.chats.get(proxy)],
      ["isTyping", () => im.chats.setTyping(GUID, proxy)],
      ["data", () => im.chats.setBackground(GUID, proxy)],
      ["data", () => im.chats.setBackground(GUID, new Proxy(new Uint8Array(1), {}))],
      ["chat", () => drain(im.chats.subscribeEvents({ chat: proxy }))],
      ["onGap", () => drain(im.chats.subscribeEvents({ onGap: proxy }))],
      ["cursor", () => drain(im.chats.subscribeEvents({ cursor: proxy }))],
      ["options", () => drain(im.chats.subscribeEvents(proxy))],
      ["chats", () => drain(im.events.subscribe({ chats: proxy }))],
      ["types[0]", () => drain(im.events.subscribe({ types: [proxy] }))],
      ["after", () => drain(im.events.catchUp(proxy))],
    ];
    for (const [field, call] of wrong) await assert.rejects(async () => call(), refused(field));
    await assert.rejects(im.chats.count(), { code: ErrorCode.internalError }, "the server is asked");
    await im.close();
  });

  test("and a list that changes while its own getter is read ends as it was read", async () => {
    for (const body of await sent((im) => {
      const addresses = ["a@example.com", "b@example.com"];
      Object.defineProperty(addresses, 0, { get: () => ((addresses.length = 1), "c@example.com") });
      return im.chats.create(addresses);
    })) {
      assert.deepEqual(body.addresses, ["c@example.com"]);
    }
  });
});

test("a text longer than any request is refused before it is copied", async () => {
  received.length = 0;
  const im = createClient({ address, token: "t" });
  const huge = "x".repeat(50_000_000);
  for (const [field, call] of [
    ["message", () => im.chats.create(["a@b.c"], { message: huge })],
    ["subject", () => im.chats.create(["a@b.c"], { message: "x", subject: huge })],
    ["addresses[0]", () => im.chats.create([huge])],
    ["addresses", () => im.chats.create(new Array(1_000).fill("x".repeat(1_000)))],
    ["chat", () => im.chats.get(huge)],
    ["after", () => drain(im.events.catchUp(huge))],
  ]) {
    await assert.rejects(async () => call(), (error) => refused(field)(error) && /at most 262144 bytes/.test(error.message));
  }
  await assert.rejects(im.chats.create(new Array(2 ** 32 - 1).fill("a@example.com", 0, 2_000)), { message: "addresses: at most 1024 addresses" });
  await im.close();
  assert.deepEqual(received, [], "nothing was sent");
});
