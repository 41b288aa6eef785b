// A bot of the vendor's own stack, whose cursor is of a log that is gone. The recovery is that of spectrum-ts itself
// (`resumableOrderedStream` of `@spectrum-ts/core`), around the vendor's SDK and called as `@spectrum-ts/imessage` calls it; only
// the live stream is that of chats, whose events the control plane makes by the thousand. The published bots are in bots.test.mjs.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";

import { startGateway, startRelay } from "../support/gateway.mjs";
import { importInstalled, openSdk } from "./sdk.mjs";

const ALICE = "any;-;alice@example.com";
const ARGS = ["--heartbeat-interval-ms", "50"];

/** What `@spectrum-ts/imessage` makes of a client: a stream that goes on whatever happens, from the last event it was given. */
async function openBot(address, token) {
  const { resumableOrderedStream, setLogLevel } = await importInstalled("@spectrum-ts/core/authoring");
  setLogLevel("silent");
  const bot = { refused: [], beats: 0 };
  const { im, module } = await openSdk("grpc", address, { token, onHeartbeat: () => (bot.beats += 1, bot.onBeat?.()) });
  const item = (event) => ({ cursor: String(event.sequence), id: String(event.sequence), values: [event] });
  async function* missed(cursor) {
    for await (const event of im.events.catchUp(Number(cursor))) {
      yield event;
      if (event.type === "catchup.complete") return;
    }
  }
  async function* live(stream, cursor) {
    for await (const event of stream) if (cursor === undefined || event.sequence > Number(cursor)) yield event;
  }
  const stream = resumableOrderedStream({
    initialRetryDelayMs: 10,
    maxRetryDelayMs: 100,
    fetchMissed: missed,
    isCursorRejectedError(error) {
      const rejected = error instanceof module.ValidationError;
      bot.refused.push({ rejected, code: error.code, grpcCode: error.grpcCode, context: error.context });
      return rejected;
    },
    processLive: async (event) => item(event),
    processMissed: async (event) => (event.type === "catchup.complete" ? { cursor: String(event.headSequence), id: "complete", values: [] } : item(event)),
    subscribeLive(cursor) {
      const source = im.chats.subscribeEvents();
      return Object.assign(live(source, cursor), { close: async () => source.close?.() });
    },
  });
  const events = stream[Symbol.asyncIterator]();
  return Object.assign(bot, {
    /** Resolves with the next sign that a live stream is attached. */
    beat: () => new Promise((resolve) => (bot.onBeat = resolve)),
    next: async () => (await events.next()).value,
    async close() {
      await stream.close();
      await im.close();
    },
  });
}

/** Makes things happen until the bot hears of one: it may be between two attempts, and then misses what happens. */
async function hears(bot, emulator) {
  let heard;
  const next = bot.next().then((event) => (heard = event));
  for (let archived = true; !heard; archived = !archived) {
    const [status] = await emulator.call("POST", `/emulator/v1/chats:${archived ? "archive" : "unarchive"}`, { chatGuid: ALICE });
    assert.equal(status, 200);
    await Promise.race([next, bot.beat()]);
  }
  return heard;
}

const create = (emulator) => emulator.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });

test("a bot whose cursor is of a wiped emulator drops it and hears what happens next", { timeout: 30_000 }, async (t) => {
  const first = await startGateway({ args: ARGS });
  t.after(() => first.stop());
  await create(first);
  await first.call("POST", "/emulator/v1/events:generate", { count: 1_000 });
  const bot = await openBot(first.address, first.token);
  t.after(() => bot.close());
  const before = await hears(bot, first);
  assert.ok(before.sequence > 1_000, `${before.sequence}`);
  await first.kill();
  await rm(first.data, { recursive: true });

  const second = await startGateway({ args: ARGS, token: first.token, listen: new URL(first.address).host });
  t.after(() => second.stop());
  await create(second);
  const after = await hears(bot, second);
  assert.ok(after.sequence < 1_000, `${after.sequence}`);
  const cursor = bot.refused.filter(({ code }) => code === "cursorAhead");
  assert.equal(cursor.length, 1, JSON.stringify(bot.refused));
  assert.deepEqual({ ...cursor[0], context: Object.keys(cursor[0].context).sort() }, { rejected: true, code: "cursorAhead", grpcCode: 9, context: ["first", "head"] });
});

test("and so does one behind a relay whose upstream was wiped", { timeout: 30_000 }, async (t) => {
  const first = await startGateway({ args: ARGS });
  t.after(() => first.stop());
  await create(first);
  const relay = await startRelay(first, { args: ARGS });
  t.after(() => relay.stop());
  const bot = await openBot(relay.address, relay.token);
  t.after(() => bot.close());
  await hears(bot, first);
  const [, { last }] = await first.call("POST", "/emulator/v1/events:generate", { count: 1_000 });
  while ((await bot.next()).sequence < last);
  await first.kill();
  await rm(first.data, { recursive: true });

  const second = await startGateway({ args: ARGS, token: first.token, listen: new URL(first.address).host });
  t.after(() => second.stop());
  await create(second);
  let heard;
  do heard = await hears(bot, second);
  while (heard.sequence >= last);
  assert.ok(bot.refused.some(({ rejected, code }) => rejected && ["cursorAhead", "logChanged"].includes(code)), JSON.stringify(bot.refused));
});
