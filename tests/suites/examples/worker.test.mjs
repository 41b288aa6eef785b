// examples/worker in workerd, by Cloudflare's own tool, as its README says.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";

import { installExample, startProgram } from "../support/example.mjs";
import { startGateway } from "../support/gateway.mjs";
import { peopleOf } from "../support/people.mjs";

const { IM_CHATS_ROOT: root, IM_CHATS_RUNTIMES: runtimes, PATH } = process.env;

const ALICE = "any;-;alice@example.com";
const KEY = "a-key-for-callers";

let example;
let gateway;
let worker;

before(async () => {
  gateway = await startGateway();
  example = await installExample("worker");
  await example.run(join(root, "node_modules/.bin/tsc"), ["--project", "."]);
  await writeFile(join(example.folder, ".dev.vars"), `IM_CHATS_ADDRESS=${gateway.address}\nIM_CHATS_TOKEN=${gateway.token}\nAPI_KEY=${KEY}\n`);
  // The tool needs a newer Node than this repository does. It asks nobody anything.
  const path = [join(runtimes, "node_modules/node-24/bin"), PATH].join(delimiter);
  const env = { ...process.env, PATH: path, HOME: example.folder, CI: "1", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  worker = await startProgram("npm", ["run", "dev", "--", "--ip", "127.0.0.1", "--port", "0"], {
    cwd: example.folder,
    env,
    ready: /Ready on (http:\S+)/,
  });
});
after(async () => {
  await worker?.stop();
  await gateway?.stop();
  await example?.remove();
});

/** A call of the worker: status, body, and headers. */
async function ask(method, path, { body, key = KEY, ...headers } = {}) {
  const answer = await fetch(new URL(path, worker.match[1]), {
    method,
    headers: { ...(key && { authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json() };
}

test("the worker makes a chat, sends to it and reads it", async () => {
  const made = await ask("POST", "/chats", { body: { addresses: ["alice@example.com"], message: "Hello" } });
  assert.deepEqual([made.status, made.body.guid], [200, ALICE]);
  const messages = `/chats/${encodeURIComponent(ALICE)}/messages`;
  const sent = await ask("POST", messages, { body: { text: "Are you there?" } });
  assert.equal(sent.status, 200);
  await peopleOf(gateway).says(ALICE, "alice@example.com", "Yes");
  const { body: list } = await ask("GET", messages);
  assert.deepEqual(
    list.map(({ content }) => content.text),
    ["Yes", "Are you there?", "Hello"],
  );
  assert.equal(list[1].guid, sent.body.guid);
});

test("a send that is repeated with its Idempotency-Key is one message", async () => {
  const chat = "any;-;bob@example.com";
  const messages = `/chats/${encodeURIComponent(chat)}/messages`;
  const send = () => ask("POST", messages, { body: { text: "Once" }, "idempotency-key": "once" });
  const [first, second] = [await send(), await send()];
  assert.deepEqual([first.status, second.status], [200, 200]);
  assert.equal(first.body.guid, second.body.guid);
  assert.equal((await ask("GET", messages)).body.length, 1);
  const other = await ask("POST", messages, { body: { text: "Another" }, "idempotency-key": "once" });
  assert.deepEqual([other.status, other.body.code], [409, "duplicateMessage"]);
});

test("the worker lists chats, the one that was active last first", async () => {
  for (const address of ["alice@example.com", "carol@example.com", "alice@example.com"]) {
    await ask("POST", `/chats/${encodeURIComponent(`any;-;${address}`)}/messages`, { body: { text: "Hi" } });
  }
  const { status, body } = await ask("GET", "/chats");
  assert.equal(status, 200);
  assert.deepEqual(
    body.slice(0, 2).map(({ guid }) => guid),
    [ALICE, "any;-;carol@example.com"],
  );
});

test("a caller without the key gets nothing", async () => {
  for (const key of [undefined, "", "another", `${KEY}x`]) {
    assert.equal((await ask("GET", "/chats", { key: key ?? null })).status, 401);
  }
});

test("what is wrong is said in words, with a status", async () => {
  const said = async (...call) => {
    const { status, body } = await ask(...call);
    return [status, body.code, body.field];
  };
  assert.deepEqual(await said("POST", "/chats", { body: { addresses: "alice" } }), [400, "invalidArgument", "addresses"]);
  assert.deepEqual(await said("POST", "/chats", { body: "not json" }), [400, "invalidArgument", undefined]);
  assert.deepEqual(await said("GET", "/chats/any;-;nobody@example.com/messages"), [404, "chatNotFound", undefined]);
  assert.deepEqual(await said("GET", "/chats/%E0%A4%A/messages"), [400, "invalidArgument", undefined]);
  assert.deepEqual(await said("PUT", "/chats"), [404, "operationNotSupported", undefined]);
});
