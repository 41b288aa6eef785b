// What both SDKs put on the wire: the same requests, and the same reading of the same answers.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { startGateway } from "../support/gateway.mjs";
import { readDocument } from "./described.mjs";
import { explanation } from "./differences.mjs";
import { differences, outcomeOf } from "./outcome.mjs";
import { answer, startRecorder } from "./recorder.mjs";
import { openSdk } from "./sdk.mjs";

/** The transport that both have. */
const BOTH = ["http", "ours"];

const GUID = "any;-;alice@example.com";
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let gateway;
let recorder;
let document;

before(async () => {
  gateway = await startGateway();
  recorder = await startRecorder(gateway.address);
  document = await readDocument(gateway.address);
});
after(async () => {
  recorder.close();
  await gateway.stop();
});
afterEach(() => {
  assert.equal(recorder.answers.splice(0).length, 0, "answers that nobody asked for");
});

/** Runs `use` with a client of each, and gives what each put on the wire. */
async function both(options, use) {
  const found = [];
  for (const sdk of BOTH) {
    const { im, module } = await openSdk(sdk, recorder.address, { token: gateway.token, ...options });
    recorder.take();
    const result = await use(im, module);
    found.push({ requests: recorder.take(), result });
    await im.close();
  }
  return found;
}

/** A key that nobody chose is another one each time: what counts is that it is there, and a UUID. */
const keyed = (requests) =>
  requests.map((request) => {
    const key = request.headers["x-idempotency-key"];
    return UUID_V4.test(key) ? { ...request, headers: { ...request.headers, "x-idempotency-key": "a UUID" } } : request;
  });

const CALLS = {
  "create of a direct chat": (im) => im.chats.create(["alice@example.com"]),
  "create of a group": (im) => im.chats.create(["alice@example.com", "+1 (415) 555-2671"]),
  "create with everything": (im, { MessageEffect }) =>
    im.chats.create(["alice@example.com"], { message: "Hello 🎂\n\"", effect: MessageEffect.lasers, subject: "you" }),
  "an effect without a message": (im, { MessageEffect }) => im.chats.create(["alice@example.com"], { effect: MessageEffect.lasers }),
  get: (im) => im.chats.get(GUID),
  "get of a GUID that needs encoding": (im) => im.chats.get("  any;+;a b+c&d=é/?#%  ").catch(() => {}),
  count: (im) => im.chats.count(),
  "count with archived": (im) => im.chats.count({ includeArchived: true }),
  "count without archived": (im) => im.chats.count({ includeArchived: false }),
  markRead: (im) => im.chats.markRead(GUID),
  "setTyping on": (im) => im.chats.setTyping(GUID, true),
  shareContactInfo: (im) => im.chats.shareContactInfo(GUID),
  setBackground: (im) => im.chats.setBackground(GUID, new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16])),
  hasBackground: (im) => im.chats.hasBackground(GUID),
  removeBackground: (im) => im.chats.removeBackground(GUID),
};

describe("requests", () => {
  const made = new Set();

  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}: method, path, query, headers and body are the same`, async () => {
      const [theirs, ours] = await both({ server: "mac-7", autoIdempotency: true }, call);
      assert.equal(ours.requests.length, 1);
      assert.deepEqual(keyed(ours.requests), keyed(theirs.requests));
      for (const request of ours.requests) made.add(document.check(request));
    });
  }

  test("together they are every call that the gateway's OpenAPI document has, and that is not the gateway's own", () => {
    assert.deepEqual([...made].sort(), document.calls);
  });

  test("setTyping off: we say false, they leave the default out, which is the same to the service", async () => {
    const [theirs, ours] = await both({ autoIdempotency: true }, (im) => im.chats.setTyping(GUID, false));
    assert.equal(theirs.requests[0].body.isTyping ?? false, ours.requests[0].body.isTyping);
    for (const { requests } of [theirs, ours]) delete requests[0].body.isTyping;
    assert.deepEqual(keyed(ours.requests), keyed(theirs.requests));
  });

  test("idempotency keys: we send one with every write unless told not to, they do when told to; never with a read", async () => {
    const has = ({ requests }) => requests.map(({ headers }) => "x-idempotency-key" in headers);
    const writeAndRead = async (im) => {
      await im.chats.markRead(GUID);
      await im.chats.count();
    };
    for (const [options, theirs, ours] of [
      [{}, [false, false], [true, false]],
      [{ autoIdempotency: true }, [true, false], [true, false]],
      [{ autoIdempotency: false }, [false, false], [false, false]],
    ]) {
      assert.deepEqual((await both(options, writeAndRead)).map(has), [theirs, ours], JSON.stringify(options));
    }
  });

  test("clientMessageId travels in the body; with us it is the header's key too, so that a proxy sees which write it is", async () => {
    const create = (im) => im.chats.create(["alice@example.com"], { message: "once", clientMessageId: "order-7" });
    const [theirs, ours] = await both({}, create);
    assert.equal(ours.requests[0].headers["x-idempotency-key"], "order-7");
    assert.deepEqual(ours.requests[0].body, theirs.requests[0].body);
    // It is one write to the service, whichever SDK began it.
    assert.equal(ours.result.initialMessage.guid, theirs.result.initialMessage.guid);
  });

  test("a retry is the same request with the same key, as often, and asks for the token again", async () => {
    const failing = () => {
      const body = { code: "unavailable", message: "busy", source: "upstream", errorCode: "serviceUnavailable", retryable: true };
      recorder.answers.push(...Array(3).fill(answer(503, { "retry-after": "0" }, body)));
    };
    let asked = 0;
    const token = async () => `${gateway.token}${++asked % 4 === 0 ? "" : "-old"}`;
    const [theirs, ours] = await both({ retry: true, autoIdempotency: true, token }, (im) => {
      failing();
      return im.chats.markRead(GUID);
    });
    for (const { requests } of [theirs, ours]) {
      assert.equal(requests.length, 4);
      assert.equal(new Set(requests.map(({ headers }) => headers["x-idempotency-key"])).size, 1);
      assert.equal(requests.filter(({ headers }) => headers.authorization.endsWith("-old")).length, 3);
    }
    assert.deepEqual(keyed(ours.requests), keyed(theirs.requests));
  });

  test("without `retry` nothing is sent twice", async () => {
    const [theirs, ours] = await both({ autoIdempotency: true }, (im) => {
      recorder.answers.push(answer(503, {}, { code: "unavailable", retryable: true }));
      return im.chats.count().catch(() => {});
    });
    assert.deepEqual([theirs.requests.length, ours.requests.length], [1, 1]);
  });
});

describe("answers", () => {
  const body = (code, more) => ({ code, message: "why", source: "upstream", requestId: "r-7", context: { chat: "x" }, ...more });
  const failures = {
    "every class": [
      [401, {}, body("unauthenticated", { errorCode: "tokenExpired" })],
      [403, {}, body("permission_denied", { errorCode: "tokenBlocked" })],
      [404, {}, body("not_found", { errorCode: "chatNotFound" })],
      [429, { "retry-after": "7" }, body("resource_exhausted", { errorCode: "burstRateExceeded", retryable: true })],
      [400, {}, body("invalid_argument", { errorCode: "invalidArgument", context: { field: "addresses[0]" } })],
      [400, {}, body("failed_precondition", { errorCode: "privateApiUnavailable" })],
      [503, {}, body("unavailable", { errorCode: "serviceUnavailable", retryable: true })],
      [504, {}, body("deadline_exceeded", { errorCode: "timeout", retryable: true })],
      [409, {}, body("already_exists", { errorCode: "duplicateMessage" })],
      [501, {}, body("unimplemented", { errorCode: "operationNotSupported" })],
      [500, {}, body("internal", { errorCode: "databaseError" })],
      [499, {}, body("cancelled", { errorCode: "internalError" })],
    ],
    "a code that only a newer server knows": [[429, {}, body("resource_exhausted", { errorCode: "moonPhaseExceeded" })]],
    "a request id in the header only": [
      [404, { "x-request-id": "r-9" }, { code: "not_found", message: "why", errorCode: "chatNotFound", context: {} }],
    ],
    "what a proxy answers": [408, 502, 503, 504, 500, 404, 400, 429, 418].map((status) => [status, { "retry-after": "2" }, "<h1>"]),
  };
  for (const [name, cases] of Object.entries(failures)) {
    test(`failures: ${name}`, async () => {
      const [theirs, ours] = await both({}, (im, module) => read(im, module, cases));
      const unexplained = [];
      for (const [index, their] of theirs.result.entries()) {
        const our = ours.result[index];
        for (const found of differences(their, our)) {
          if (!explanation({ ...found, their, our, sdk: "http" }) && !isAdvice(found, our)) unexplained.push({ case: cases[index], ...found });
        }
      }
      assert.deepEqual(unexplained, []);
    });
  }

  /** Ours says what to do about a refused token, which the server does not know. */
  function isAdvice({ path, theirs, ours }, { error }) {
    return path === "error.message" && ["tokenExpired", "tokenBlocked"].includes(error.code) && ours.startsWith(`${theirs}; `);
  }

  async function read(im, module, cases) {
    const outcomes = [];
    for (const one of cases) {
      recorder.answers.push(answer(...one));
      outcomes.push(await outcomeOf(module, () => im.chats.count()));
    }
    return outcomes;
  }

  test("a service that leaves defaults out, and one that adds what nobody knows yet", async () => {
    const bare = { chat: { guid: GUID } };
    const future = { chat: { guid: GUID, service: "CHAT_SERVICE_TYPE_PIGEON", unreadCount: "3", mood: { colour: "red" } }, extra: [1] };
    const [theirs, ours] = await both({}, async (im) => {
      const found = [];
      for (const body of [bare, future]) {
        recorder.answers.push(answer(200, {}, body));
        found.push(await im.chats.get(GUID));
      }
      recorder.answers.push(answer(200, {}, {}), answer(200, {}, { count: "12" }), answer(200, {}, {}));
      found.push(await im.chats.count(), await im.chats.count(), await im.chats.hasBackground(GUID));
      return found;
    });
    const unexplained = [...differences(theirs.result, ours.result)].filter(({ theirs, ours }) => theirs !== undefined || typeof ours !== "symbol");
    assert.deepEqual(unexplained, []);
  });
});
