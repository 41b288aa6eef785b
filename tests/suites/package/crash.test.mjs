// When the wasm traps, everything under way ends with an error that says so, and the program goes on.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);

let gateway;

before(async () => {
  gateway = await startGateway();
});

after(() => gateway.stop());

/** What a program prints, as JSON. In it, the wasm traps the next time that it is entered once `trap.isNext` is true. */
async function program(code) {
  const preamble = `
    const trap = { isNext: false };
    trap.happened = new Promise((resolve) => (trap.resolve = resolve));
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (source, imports) => {
      const made = await instantiate(source, imports);
      const enter = (real) => (...input) => {
        if (!trap.isNext) return real(...input);
        // Only once: a second trap would end what the first one left.
        trap.isNext = false;
        setImmediate(trap.resolve);
        throw new WebAssembly.RuntimeError("unreachable");
      };
      const exports = Object.entries((made.instance ?? made).exports);
      const instance = { exports: Object.fromEntries(exports.map(([name, value]) => [name, typeof value === "function" ? enter(value) : value])) };
      return made.instance ? { instance } : instance;
    };
    const { createClient, IMessageError } = await import("im-chats");
    const details = (error) => [error instanceof IMessageError, error.code, error.message];
    const address = ${JSON.stringify(gateway.address)};
    const token = ${JSON.stringify(gateway.token)};`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", `${preamble}\n${code}`], { timeout: 20_000 });
  return JSON.parse(stdout);
}

const CRASH = [true, "internalError", "im-chats stopped working and must be loaded again: unreachable"];

describe("a trap", () => {
  test("while a frame is taken ends each stream: one that waits, one that is asked later, one of another client", async () => {
    const answers = await program(`
      const im = createClient({ address, token });
      const other = createClient({ address, token });
      await im.chats.create(["a@example.com"]);
      const streams = [im.chats.subscribeEvents(), im.chats.subscribeEvents(), other.chats.subscribeEvents()];
      await Promise.all(streams.map((stream) => stream.ready));
      const [waits, later, elsewhere] = streams.map((stream) => stream[Symbol.asyncIterator]());
      const waiting = waits.next().catch(details);
      trap.isNext = true;
      const { status } = await fetch(address + "/emulator/v1/events:generate", { method: "POST", body: JSON.stringify({ count: 1 }),
        headers: { authorization: "Bearer " + token, "content-type": "application/json" } });
      if (status !== 200) throw new Error("the emulator answered " + status);
      await trap.happened.promise;
      const answers = [await waiting, await later.next().catch(details), await elsewhere.next().catch(details), await im.chats.count().catch(details)];
      const { lag } = im.connection;
      await Promise.all([im.close(), other.close()]);
      console.log(JSON.stringify([...answers, lag]));
      process.exit();`);
    assert.deepEqual(answers, [CRASH, CRASH, CRASH, CRASH, 0]);
  });

  test("while the token is taken ends the stream that is opening", async () => {
    const answers = await program(`
      const im = createClient({ address, token: () => ((trap.isNext = true), token) });
      const stream = im.chats.subscribeEvents();
      const ready = await stream.ready.catch(details);
      const next = await stream[Symbol.asyncIterator]().next().catch(details);
      console.log(JSON.stringify([ready, next]));
      process.exit();`);
    assert.deepEqual(answers, [CRASH, CRASH]);
  });

  test("in a timer ends the stream", async () => {
    const answers = await program(`
      // Nobody listens there, so that the next attempt waits for its timer.
      const im = createClient({ address: "http://127.0.0.1:1", token });
      im.connection.on(({ failedAttempt }) => (trap.isNext ||= failedAttempt !== undefined));
      const stream = im.chats.subscribeEvents();
      console.log(JSON.stringify(await stream.ready.catch(details)));
      process.exit();`);
    assert.deepEqual(answers, CRASH);
  });
});
