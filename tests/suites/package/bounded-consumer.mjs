// A process with a quick reader and one that stalls on one socket, for bounded.test.mjs, which asks it questions.

import { setImmediate as turn } from "node:timers/promises";

import { wasmBytes } from "../support/wasm-memory.mjs";
import { createClient } from "im-chats";

// Where the package takes the runtime's WebSocket, or `ws`, its heartbeats are seen through what it parses.
let beats = 0;
const parse = JSON.parse;
JSON.parse = (text, ...rest) => {
  const value = parse(text, ...rest);
  if (value?.type === "heartbeat") {
    beats += 1;
    changed();
  }
  return value;
};

/** Who waits for something to be true, and looks again with every event and heartbeat. */
const waiting = new Set();
const changed = () => waiting.forEach((look) => look());
const until = (condition) =>
  new Promise((resolve) => {
    const look = () => {
      if (!condition()) return;
      waiting.delete(look);
      resolve();
    };
    waiting.add(look);
    look();
  });

const im = createClient({ address: process.env.ADDRESS, token: process.env.TOKEN });
const quick = im.chats.subscribeEvents({ after: 0 });
let reached = 0;
void (async () => {
  for await (const event of quick) {
    reached = event.sequence;
    changed();
  }
})();
let stalled;

const answers = {
  /** Waits until the quick reader has come so far, and a heartbeat was seen meanwhile. */
  async readTo({ readTo }) {
    await until(() => reached >= readTo);
    const before = beats;
    await until(() => beats > before);
    return { beats, state: im.connection.state };
  },
  /** Bytes in use, once garbage is gone. */
  async memory() {
    for (let round = 0; round < 5; round += 1) {
      globalThis.gc();
      await turn();
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers + wasmBytes();
  },
  /** Takes one event of a new stream, and no more. */
  async stall() {
    stalled = im.chats.subscribeEvents({ after: reached })[Symbol.asyncIterator]();
    void stalled.next();
    return true;
  },
  async resume({ resume }) {
    const first = (await stalled.next()).value.sequence;
    let dense = true;
    for (let expected = first + 1; expected < first + resume; expected += 1) dense &&= (await stalled.next()).value.sequence === expected;
    return { first, dense };
  },
};

process.on("message", async (question) => process.send(await answers[Object.keys(question)[0]](question)));
await quick.ready;
process.send("ready");
