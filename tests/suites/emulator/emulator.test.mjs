// The emulator inside a program: the same service as the gateway's, without a server, a network or a timer.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, mock, test } from "node:test";
import { pathToFileURL } from "node:url";

import { startGateway } from "../support/gateway.mjs";
import { conformInPage, control } from "./in-page.mjs";

const require = createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"));
const load = (entry) => import(pathToFileURL(require.resolve(entry)));

const sdk = await load("im-chats");
const messages = await load("im-chats/messages");
const { createEmulator } = await load("im-chats/emulator");

/** An emulator for one test. */
async function opened(t, options) {
  const emulator = await createEmulator(options);
  t.after(() => emulator.close());
  return emulator;
}

test("a program that conforms to the service conforms to the emulator in it", async () => {
  const report = await conformInPage(sdk, messages, createEmulator);
  assert.deepEqual(report.filter(({ error }) => error), []);
});

test("the gateway and the emulator in a page give the same answers, value by value", async (t) => {
  const gateway = await startGateway();
  const emulator = await opened(t);
  const asked = [
    (method, path, body) => gateway.call(method, path, body),
    (method, path, body) => control(emulator, path, body, method),
  ];
  const answers = await Promise.all(asked.map(history));
  await gateway.stop();
  assert.equal(answers[0].length > 30, true);
  assert.deepEqual(answers[1], answers[0]);
});

/** Calls of every kind, with what is refused; the answers without what is another one each time. */
async function history(ask) {
  const answers = [];
  const names = new Map();
  const plain = (value) =>
    JSON.parse(
      JSON.stringify(value)
        .replace(/[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f-]{22}|\\b[0-9a-f]{32}\\b|[0-9a-f]{32}/g, (name) => {
          if (!names.has(name)) names.set(name, `name ${names.size}`);
          return names.get(name);
        })
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "a time"),
    );
  const call = async (method, path, body) => {
    const [status, answer] = await ask(method, path, body);
    const { requestId, ...rest } = Object(answer);
    // They come in the order of their GUIDs, some of which are made up.
    rest.chats?.sort((a, b) => (a.chat.displayName ?? "").localeCompare(b.chat.displayName ?? "") || a.chat.participants.length - b.chat.participants.length);
    answers.push([method, path.replace(/[0-9A-F]{8}-.*/, ""), status, plain(typeof answer === "object" ? rest : answer)]);
    return answer;
  };
  const alice = "any;-;alice@example.com";
  await call("POST", "/v1/chats", { addresses: ["Alice@Example.com"], initialMessage: { text: "Hello", effectId: "nonsense" } });
  await call("POST", "/v1/chats", { addresses: ["Alice@Example.com"], initialMessage: { text: "Hello" }, clientMessageId: "k" });
  await call("POST", "/v1/chats", { addresses: ["Alice@Example.com"], initialMessage: { text: "Hello" }, clientMessageId: "k" });
  await call("POST", "/v1/chats", { addresses: ["Alice@Example.com"], initialMessage: { text: "other" }, clientMessageId: "k" });
  await call("POST", "/v1/chats", { addresses: ["+1 415 555 0123", "+49 30 1234567"] });
  await call("POST", "/v1/chats", { addresses: ["+1 555"] });
  await call("POST", "/v1/chats", { addresses: "alice@example.com" });
  await call("POST", "/v1/chats", { addresses: ["a@example.com", "a@example.com"] });
  const { chat } = await call("POST", "/v1/chats", { addresses: ["bob@example.com", "carol@example.com"] });
  for (const path of ["get", "hasBackground"]) await call("GET", `/v1/chats:${path}?chatGuid=${encodeURIComponent(alice)}`);
  await call("GET", "/v1/chats:count?includeArchived=true");
  await call("GET", "/v1/chats:get?chatGuid=nobody");
  await call("GET", "/v1/chats:get?chatGuid=any;-;nobody@example.com");
  await call("GET", "/v1/nothing");
  await call("POST", "/v1/chats:get", {});
  const { message } = await call("POST", "/emulator/v1/messages:receive", { chatGuid: alice, from: "alice@example.com", text: "Hi 🎂" });
  await call("POST", "/emulator/v1/messages:react", { chatGuid: alice, messageGuid: message.guid, kind: "love", actor: "alice@example.com" });
  await call("POST", "/emulator/v1/messages:react", { chatGuid: alice, messageGuid: message.guid, kind: "hate", actor: "alice@example.com" });
  await call("POST", "/emulator/v1/messages:edit", { chatGuid: alice, messageGuid: message.guid, text: "Hey", actor: "alice@example.com" });
  await call("POST", "/emulator/v1/messages:receive", { chatGuid: alice, from: "stranger@example.com", text: "Hi" });
  await call("POST", "/emulator/v1/messages:receiveAttachment", { chatGuid: alice, from: "alice@example.com", fileName: "a.txt", data: "aGk=" });
  await call("POST", "/emulator/v1/chats:typing", { chatGuid: alice, actor: "alice@example.com" });
  await call("POST", "/emulator/v1/chats:archive", { chatGuid: alice });
  await call("POST", "/emulator/v1/chats:setBackground", { chatGuid: alice, data: "iVBORw0KGgo=" });
  await call("POST", "/emulator/v1/chats:setBackground", { chatGuid: alice, data: "aGk=" });
  await call("POST", "/emulator/v1/groups:rename", { chatGuid: chat.guid, displayName: "Friends", actor: "bob@example.com" });
  await call("POST", "/emulator/v1/groups:join", { chatGuid: chat.guid, address: "dora@example.com", actor: "bob@example.com" });
  await call("POST", "/emulator/v1/polls:create", { chatGuid: chat.guid, title: "When?", options: ["Mon", "Tue"], actor: "bob@example.com" });
  await call("POST", "/emulator/v1/groups:leave", { chatGuid: chat.guid, actor: "bob@example.com" });
  await call("POST", "/v1/chats:markRead", { chatGuid: alice });
  await call("POST", "/emulator/v1/events:generate", { count: 5, chatGuids: [alice] });
  await call("POST", "/emulator/v1/events:generate", { count: 0 });
  await call("GET", "/emulator/v1/chats");
  await call("GET", "/emulator/v1/chats?limit=0");
  return answers;
}

describe("a test that fakes every timer", () => {
  test("gets answers and events all the same", async () => {
    const real = { queueMicrotask, nextTick: process.nextTick };
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"], now: 1_767_268_800_000 });
    globalThis.queueMicrotask = () => {};
    try {
      const emulator = await createEmulator({ seed: "demo" });
      const im = messages.createClient({ address: emulator });
      const stream = im.chats.subscribeEvents();
      await stream.ready;
      const { chat } = await emulator.world.receive({ from: "zoe@example.com", text: "Hi" });
      await emulator.world.archive(chat);
      const seen = [];
      for await (const event of stream.take(1)) seen.push(event);
      assert.deepEqual([seen[0].type, seen[0].occurredAt], ["chat.archived", "2026-01-01T12:00:00Z"]);
      await emulator.advance(3_600_000);
      assert.equal((await im.chats.create(["new@example.com"], { message: "later" })).initialMessage.dateCreated, "2026-01-01T13:00:00Z");
      await im.close();
      await emulator.close();
    } finally {
      mock.timers.reset();
      globalThis.queueMicrotask = real.queueMicrotask;
    }
  });
});

test("who is typing is seen for a minute of the emulator's clock", async (t) => {
  const emulator = await opened(t);
  const { chat } = await emulator.world.receive({ from: "alice@example.com", text: "Hi" });
  await emulator.world.typing(chat, { actor: "alice@example.com" });
  const typing = async () => (await emulator.world.chats())[0].typing;
  assert.deepEqual(await typing(), ["alice@example.com"]);
  await emulator.advance(61_000);
  assert.deepEqual(await typing(), []);
});

test("a minute is a minute also after a test has set the time back", async (t) => {
  const emulator = await opened(t);
  const { chat } = await emulator.world.receive({ from: "alice@example.com", text: "Hi" });
  mock.timers.enable({ apis: ["Date"], now: 1_577_836_800_000 });
  try {
    await emulator.world.typing(chat, { actor: "alice@example.com" });
    const typing = async () => (await emulator.world.chats())[0].typing;
    await emulator.advance(59_000);
    assert.deepEqual(await typing(), ["alice@example.com"]);
    await emulator.advance(2_000);
    assert.deepEqual(await typing(), []);
  } finally {
    mock.timers.reset();
  }
});

test("two emulators in one program know nothing of each other", async (t) => {
  const one = await opened(t);
  const other = await opened(t);
  await one.world.receive({ from: "alice@example.com", text: "Hi" });
  assert.deepEqual([(await one.world.chats()).length, (await other.world.chats()).length], [1, 0]);
});

test("an emulator that was closed is one that cannot be reached", async () => {
  const emulator = await createEmulator();
  const im = sdk.createClient({ address: emulator });
  await im.chats.count();
  await Promise.all([emulator.close(), emulator.close()]);
  await emulator.close();
  await assert.rejects(emulator.world.chats(), { name: "ValidationError", code: "preconditionFailed", message: /is closed/ });
  const error = await im.chats.count().catch((error) => error);
  assert.deepEqual([error instanceof sdk.ConnectionError, error.code], [true, "networkError"]);
  await im.close();
});

test("bad options are refused by name", async (t) => {
  for (const [options, field] of [[{ seed: "x" }, "seed"], [{ persist: "" }, "persist"], [{ persist: "db" }, "persist"], [{ sed: "demo" }, "sed"], [{ wasm: 5 }, "wasm"]]) {
    const error = await createEmulator(options).catch((error) => error);
    assert.deepEqual([error.constructor.name, error.context.field], ["ValidationError", field]);
  }
  const emulator = await opened(t);
  await assert.rejects(emulator.advance(-1), { name: "ValidationError" });
});

test("what a page has no part in is said so", async (t) => {
  const emulator = await opened(t);
  const im = sdk.createClient({ address: emulator });
  const error = await im.tokens.create({ sub: "u", scope: ["chats:read"], ttlSeconds: 60 }).catch((error) => error);
  assert.equal(error.code, "operationNotSupported");
  await im.close();
});
