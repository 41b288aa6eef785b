// What a runtime lacks, and wasm that is none, are errors of ours like any other; and no argument leads to another kind of error.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { createClient, fileCursor, IMessageError, storageCursor, TypedEventStream } from "im-chats";

const run = promisify(execFile);

/** What a program prints, as JSON; each in a process of its own, since a program starts the wasm once. */
async function program(code) {
  const preamble = `
    import { createRequire } from "node:module";
    const details = (error) => ({ class: error.constructor.name, code: error.code, retryable: error.retryable, message: error.message,
      ours: error instanceof IMessageError, cause: error.cause?.name });
    const first = async (promise) => promise.then(() => "worked", details);`;
  const args = ["--input-type=module", "--eval", `${preamble}\n${code}`];
  const { stdout } = await run(process.execPath, args, { timeout: 20_000 });
  return JSON.parse(stdout);
}

describe("a runtime", () => {
  test("without WebSocket: its streams say so, its calls work", async () => {
    // The entry of the browsers, whose only WebSocket is the global one.
    const details = await program(`
      delete globalThis.WebSocket;
      import { readFile } from "node:fs/promises";
      const { createClient, IMessageError } = await import(new URL("index.js", import.meta.resolve("im-chats")));
      const wasm = await readFile(new URL(import.meta.resolve("im-chats/wasm")));
      const im = createClient({ address: "http://127.0.0.1:1", token: "t", wasm });
      const stream = im.chats.subscribeEvents();
      const answers = [await first(stream.ready), await first(stream[Symbol.asyncIterator]().next()), await first(im.chats.count())];
      console.log(JSON.stringify(answers));`);
    for (const error of details.slice(0, 2)) {
      assert.deepEqual([error.class, error.code, error.retryable], ["IMessageError", "operationNotSupported", false]);
      assert.match(error.message, /WebSocket/);
    }
    assert.equal(details[2].class, "ConnectionError");
  });

  test("without files: a store of a file says so", async () => {
    const details = await program(`
      import { readFile } from "node:fs/promises";
      const { createClient, IMessageError, fileCursor } = await import(new URL("index.js", import.meta.resolve("im-chats")));
      const wasm = await readFile(new URL(import.meta.resolve("im-chats/wasm")));
      globalThis.WebSocket ??= class {};
      const im = createClient({ address: "http://127.0.0.1:1", token: "t", wasm });
      console.log(JSON.stringify(await first(im.chats.subscribeEvents({ cursor: fileCursor("x") }).ready)));
      process.exit();`);
    assert.deepEqual([details.class, details.code, details.retryable], ["IMessageError", "operationNotSupported", false]);
    assert.match(details.message, /storageCursor/);
  });
});

describe("wasm that can never start", () => {
  for (const [what, expression] of [
    ["a page of HTML", `new TextEncoder().encode("<!doctype html><p>not found")`],
    ["bytes cut off", `(await readFile(new URL(import.meta.resolve("im-chats/wasm")))).subarray(0, 1000)`],
    ["another module", "new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])"],
    ["a module with other imports", "new Uint8Array([0,0x61,0x73,0x6d,1,0,0,0, 1,4,1,0x60,0,0, 2,7,1,1,0x61,1,0x62,0,0])"],
  ]) {
    test(`is an error that is not retryable: ${what}`, async () => {
      const details = await program(`
        import { readFile } from "node:fs/promises";
        import { createClient, IMessageError } from "im-chats";
        const im = createClient({ address: "http://127.0.0.1:1", token: "t", wasm: ${expression} });
        const stream = im.chats.subscribeEvents();
        console.log(JSON.stringify([await first(im.chats.count()), await first(stream.ready)]));`);
      for (const error of details) {
        assert.deepEqual([error.ours, error.retryable], [true, false], JSON.stringify(error));
        assert.match(error.message, /WebAssembly part of im-chats could not be started/);
      }
    });
  }

  test("but a download that failed may be tried again", async () => {
    const details = await program(`
      import { createClient, IMessageError } from "im-chats";
      const im = createClient({ address: "http://127.0.0.1:1", token: "t", wasm: "http://127.0.0.1:1/im.wasm" });
      console.log(JSON.stringify(await first(im.chats.count())));`);
    assert.deepEqual([details.class, details.code, details.retryable], ["ConnectionError", "networkError", true]);
  });
});

describe("every failure is an IMessageError", () => {
  const odd = [undefined, null, true, NaN, -1, 1.5, 2n, "", " ", "\ud800", "any;-;x", Symbol("s"), [], [[]], {}, () => {}, new Map(),
    Object.create(null), new Proxy({}, {}), new Date(NaN), new Uint8Array(0), Promise.resolve("x"), { signal: 1 }, { toString: null }];

  test("whatever is given to any method", async () => {
    const im = createClient({ address: "http://127.0.0.1:1", token: "t", timeout: 2_000 });
    const check = (error, what) => assert.ok(error instanceof IMessageError, `${what} failed with ${error?.stack ?? String(error)}`);
    const attempts = (name, act) =>
      Promise.all(
        odd.map(async (value, index) => {
          try {
            await act(value);
          } catch (error) {
            check(error, `${name}(odd[${index}])`);
          }
        }),
      );
    /** Opens a stream and waits for what becomes of it, unless it would go on connecting. */
    const stream = async (open, value) => {
      const opened = open(value);
      const soon = new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.race([opened.ready, soon]).finally(() => opened.close());
    };
    for (const key of ["address", "token", "tls", "timeout", "retry", "autoIdempotency", "server", "wasm"]) {
      await attempts(`createClient ${key}`, (value) => createClient({ address: "a", token: "t", [key]: value }).close());
    }
    for (const key of ["maxAttempts", "initialDelay", "maxDelay"]) {
      await attempts(`retry.${key}`, (value) => createClient({ address: "a", token: "t", retry: { [key]: value } }).close());
    }
    await attempts("createClient", (value) => createClient(value).close());
    for (const method of ["create", "get", "count", "markRead", "setTyping", "shareContactInfo", "setBackground", "hasBackground", "removeBackground"]) {
      await attempts(`${method} first`, (value) => im.chats[method](value));
      await attempts(`${method} second`, (value) => im.chats[method]("any;-;x", value));
      await attempts(`${method} third`, (value) => im.chats[method]("any;-;x", true, value));
    }
    for (const key of ["message", "effect", "subject", "clientMessageId", "signal"]) {
      await attempts(`create ${key}`, (value) => im.chats.create(["a@example.com"], { [key]: value }));
    }
    for (const key of ["chat", "after", "cursor", "resume", "onGap"]) {
      await attempts(`subscribeEvents ${key}`, (value) => stream((value) => im.chats.subscribeEvents({ [key]: value }), value));
    }
    await attempts("subscribeEvents", (value) => stream((value) => im.chats.subscribeEvents(value), value));
    await attempts("catchUp", (value) => stream((value) => im.events.catchUp(value), value));
    await attempts("catchUp options", (value) => stream((value) => im.events.catchUp(0, value), value));
    const opened = im.chats.subscribeEvents();
    for (const method of ["filter", "map", "take"]) await attempts(method, (value) => void opened[method](value));
    await attempts("TypedEventStream", (value) => void new TypedEventStream(value));
    await attempts("fileCursor", (value) => void fileCursor(value));
    await attempts("storageCursor", (value) => void storageCursor(value, value));
    await attempts("fromJSON", (value) => void IMessageError.fromJSON(value));
    await attempts("connection.on", (value) => void im.connection.on(value)());
    await im.close();
  });
});
