// A process that makes and drops clients, for memory.test.mjs. Its argument says how each one is used; it prints what stayed.

import { createServer } from "node:http";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";

import { wasmBytes } from "../support/wasm-memory.mjs";
import { createClient } from "im-chats";

const GUID = "any;-;alice@example.com";
const server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
await once(server, "listening");
const local = `http://127.0.0.1:${server.address().port}`;
const { ADDRESS: address = local, TOKEN: token = "t" } = process.env;

const uses = {
  "closed after a call": async (im) => {
    await im.chats.markRead(GUID);
    await im.close();
  },
  "not closed after a call": (im) => im.chats.markRead(GUID),
  "not closed after a call that was refused": (im) => im.chats.get(undefined).catch(() => {}),
  "closed during a call": async (im) => {
    await im.chats.markRead(GUID);
    const call = im.chats.markRead(GUID).catch(() => {});
    await im.close();
    await call;
  },
  "closed after a stream": async (im) => {
    const stream = im.chats.subscribeEvents();
    await stream.ready;
    await im.close();
  },
  "closed after a stream that had listeners, in a token function": async (im) => {
    im.connection.on(() => {});
    const stream = im.chats.subscribeEvents({ onGap: () => {} });
    stream.on(() => {});
    await stream.ready;
    await im.close();
  },
  "not closed after a catch-up that ended": async (im) => {
    for await (const _ of im.events.catchUp());
  },
};

let collected = 0;
const registry = new FinalizationRegistry(() => (collected += 1));

async function round(use, count, settle) {
  for (let index = 0; index < count; index += 1) {
    // Nothing outlives this call but what the package keeps.
    await (async () => {
      const im = createClient({ address, token: async () => token });
      registry.register(im, undefined);
      registry.register(im.connection, undefined);
      await use(im);
    })();
    // Often enough that those not collected yet are always about as many.
    if (settle && index % 100 === 99) await settled(0);
  }
}

async function settled(expected) {
  for (let look = 0; look < 5 || (look < 500 && collected < expected); look += 1) {
    globalThis.gc();
    await turn();
  }
  return { heap: process.memoryUsage().heapUsed, wasm: wasmBytes() };
}

const [, , name, count] = process.argv;
// All at once: the wasm's memory, which never shrinks, is then larger than the measured clients need at a time.
await round(uses[name], 200, false);
const before = await settled(400);
collected = 0;
await round(uses[name], Number(count), true);
const after = await settled(2 * Number(count));
console.log(JSON.stringify({ collected, heap: after.heap - before.heap, wasm: after.wasm - before.wasm }));
server.close();
server.closeAllConnections();
process.exit();
