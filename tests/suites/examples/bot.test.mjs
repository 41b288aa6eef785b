// examples/bot as its README says. What happens to it when it is killed: tests/suites/chaos/replies.test.mjs.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { installExample, startProgram } from "../support/example.mjs";
import { startGateway } from "../support/gateway.mjs";
import { peopleOf } from "../support/people.mjs";
import { eventually } from "../support/until.mjs";

const ALICE = "any;-;alice@example.com";

let example;
before(async () => {
  example = await installExample("bot");
});
after(() => example?.remove());

let gateway;
let people;
let bot;
let count = 0;
let cursor;
beforeEach(async () => {
  gateway = await startGateway();
  people = peopleOf(gateway);
  cursor = `cursor-${(count += 1)}.txt`;
  assert.equal((await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] }))[0], 200);
});
afterEach(async () => {
  await bot?.stop();
  await gateway?.stop();
});

const start = async () => {
  const env = { ...process.env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token, CURSOR_FILE: cursor };
  bot = await startProgram(process.execPath, ["bot.mjs"], { cwd: example.folder, env, ready: /^listening$/ });
};

/** The chat, oldest first: who says what, and to which message. */
async function conversation() {
  const [status, { messages }] = await gateway.call("GET", `/v1/messages:listByChat?chatGuid=${encodeURIComponent(ALICE)}&pageSize=100`);
  assert.equal(status, 200);
  return messages.reverse();
}

const texts = async () => (await conversation()).map(({ isFromMe, content }) => `${isFromMe ? "bot" : "alice"}: ${content.text}`);

const answers = (wanted) =>
  eventually(`${wanted} replies`, 20_000, async () => (await conversation()).filter(({ isFromMe }) => isFromMe).length >= wanted);

test("the bot replies to each message", async () => {
  await start();
  await people.says(ALICE, "alice@example.com", "Hello");
  await answers(1);
  assert.deepEqual(await texts(), ["alice: Hello", "bot: You wrote: Hello"]);
});

test("what comes while the bot is down is answered when it is up again, and nothing else is", async () => {
  await start();
  await people.says(ALICE, "alice@example.com", "One");
  await answers(1);
  // Its reply is in the chat a little before the bot has heard so, and then a stop would cut it off.
  await eventually("the bot knows that it replied", 20_000, () => bot.output().includes("answered "));
  assert.equal(await bot.stop(), 0, bot.output());
  await people.says(ALICE, "alice@example.com", "Two");
  await start();
  await people.says(ALICE, "alice@example.com", "Three");
  await answers(3);
  const replies = (await texts()).filter((text) => text.startsWith("bot: "));
  assert.deepEqual(replies, ["bot: You wrote: One", "bot: You wrote: Two", "bot: You wrote: Three"]);
});

test("a message without a text has a reply, too", async () => {
  await start();
  await people.says(ALICE, "alice@example.com", undefined, { attachment: { fileName: "a.txt", data: "aGk=" } });
  await answers(1);
  assert.equal((await texts()).at(-1), "bot: I can read only text.");
});

test("a bot without a cursor begins with what happens from then on", async () => {
  await people.says(ALICE, "alice@example.com", "Before");
  await start();
  await people.says(ALICE, "alice@example.com", "After");
  await answers(1);
  assert.deepEqual(await texts(), ["alice: Before", "alice: After", "bot: You wrote: After"]);
});

test("without a token the bot says what to do", async () => {
  const env = { ...process.env, IM_CHATS_TOKEN: "" };
  const failed = await example.run(process.execPath, ["bot.mjs"], { env }).catch((error) => error);
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /IM_CHATS_TOKEN/);
});
