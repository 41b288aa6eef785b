// Nothing is left behind: wasm memory, listeners, timers.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer } from "node:http";
import { describe, test } from "node:test";

import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";
import { wasmBytes } from "../support/wasm-memory.mjs";
import { createClient } from "im-chats";

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("nothing is left behind", () => {
  test("by calls: answered, refused, aborted, timed out", async () => {
    let silent = false;
    const server = await listen(createServer((_, response) => silent || response.end("{}")));
    const { address } = server;
    const im = createClient({ address, token: async () => "t" });
    const hasty = createClient({ address, token: "t", timeout: 1 });
    const { signal } = new AbortController();
    const round = async (count) => {
      silent = false;
      for (let index = 0; index < count; index += 50) {
        await Promise.all(Array.from({ length: 50 }, () => im.chats.markRead("any;-;alice@example.com", { signal })));
        await im.chats.get("nothing", { signal }).catch(() => {});
        await im.chats.count({ signal: AbortSignal.abort() }).catch(() => {});
      }
      silent = true;
      await Promise.all(Array.from({ length: 50 }, () => assert.rejects(hasty.chats.count({ signal }), { code: "timeout" })));
    };
    await round(1000);
    const before = wasmBytes();
    await round(3000);
    assert.equal(wasmBytes(), before, "wasm memory grew");
    assert.equal(getEventListeners(signal, "abort").length, 0);
    await im.close();
    await hasty.close();
    await server.close();
  });

  test("by streams: 1,000 opened and closed", async () => {
    const gateway = await startGateway();
    const im = createClient({ address: gateway.address, token: gateway.token });
    const { signal } = new AbortController();
    await im.chats.create(["alice@example.com"]);
    await gateway.call("POST", "/emulator/v1/events:generate", { count: 10 });
    const keep = im.chats.subscribeEvents();
    await keep.ready;
    const cycle = async (count) => {
      for (let index = 0; index < count; index += 1) {
        const stream = im.chats.subscribeEvents({ after: 0, signal });
        if (index % 3 === 0) for await (const _ of stream) break;
        else if (index % 3 === 1) await stream.close();
        else for await (const _ of stream.take(10));
      }
    };
    await cycle(150);
    const [bytes, running] = [wasmBytes(), timers()];
    await cycle(1000);
    assert.equal(wasmBytes(), bytes, "wasm memory grew");
    assert.equal(getEventListeners(signal, "abort").length, 0);
    assert.ok(timers() <= running, `${timers()} timers, ${running} before`);
    await im.close();
    await gateway.stop();
  });
});
