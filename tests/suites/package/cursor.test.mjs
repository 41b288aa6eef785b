// Cursors that outlive the program: each event is handled once, and what counts as handled.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { fileCursor } from "im-chats";

import { ends, folder, gateway, im, memory, program, sequenceOf, toggle } from "./cursors.mjs";

const run = promisify(execFile);

describe("a program that keeps its cursor", () => {
  for (const [name, end] of Object.entries(ends)) {
    test(`and ends by ${name} handles each event once over its restarts`, async () => {
      const store = fileCursor(join(folder, "cursor"));
      assert.deepEqual(await program(store, 0), [], "a first run that sees no event");
      const seen = [];
      for (let run = 0; run < 3; run += 1) {
        await toggle();
        seen.push(...(await program(store, 2, end)));
      }
      assert.equal(seen.length, 6);
      assert.deepEqual(seen, Array.from({ length: 6 }, (_, index) => seen[0] + index), "none lost, none twice");
    });
  }

  test("sees an event again at which it left the loop, and loses none", async () => {
    const store = memory();
    await program(store, 0);
    await toggle();
    const seen = [];
    const broken = im.chats.subscribeEvents({ cursor: store });
    for await (const event of broken) {
      seen.push(event.sequence);
      break;
    }
    const mistake = new Error("mine");
    const thrown = async () => {
      for await (const event of im.chats.subscribeEvents({ cursor: store })) {
        seen.push(event.sequence);
        throw mistake;
      }
    };
    await assert.rejects(thrown(), mistake);
    assert.equal(seen[0], seen[1]);
    assert.equal(sequenceOf(store.saved), seen[0] - 1);
  });

  test("killed in the middle goes on with the event it was at", async () => {
    const file = join(folder, "cursor");
    await program(fileCursor(file), 0);
    await toggle(2);
    const code = `
      import { createClient, fileCursor } from "im-chats";
      import { readFile } from "node:fs/promises";
      import { setTimeout as pause } from "node:timers/promises";
      const im = createClient({ address: ${JSON.stringify(gateway.address)}, token: ${JSON.stringify(gateway.token)} });
      let handled = 0;
      for await (const { sequence } of im.chats.subscribeEvents({ cursor: fileCursor(${JSON.stringify(file)}) })) {
        console.log(sequence);
        if (++handled === 3) {
          // What is handled is saved a moment later, without a next event; this one is not handled.
          while (!(await readFile(${JSON.stringify(file)}, "utf8")).startsWith(\`\${sequence - 1}@\`)) await pause(10);
          process.kill(process.pid, "SIGKILL");
          await new Promise(() => {});
        }
      }`;
    const { stdout, signal } = await run(process.execPath, ["--input-type=module", "--eval", code], { timeout: 60_000 }).catch((error) => error);
    assert.equal(signal, "SIGKILL");
    const seen = stdout.trim().split("\n").map(Number);
    const again = await program(fileCursor(file), 2, ends["stream.close() while an event is handled"]);
    assert.deepEqual(again, [seen[2], seen[2] + 1]);
  });
});

describe("callbacks", () => {
  test("that resolved have handled their event, one that rejected has not", async () => {
    const store = memory();
    await program(store, 0);
    await toggle(2);
    const seen = [];
    await new Promise((resolve, reject) => {
      const stream = im.chats.subscribeEvents({ cursor: store });
      const stop = stream.on(async (event) => {
        seen.push(event.sequence);
        if (seen.length === 2) {
          stop();
          stream.close().then(() => setImmediate(resolve));
        }
      }, reject);
    });
    assert.equal(sequenceOf(store.saved), seen[1]);
    const mistake = new Error("mine");
    const error = await new Promise((resolve) => {
      im.chats.subscribeEvents({ cursor: store }).on(async (event) => {
        seen.push(event.sequence);
        throw mistake;
      }, resolve);
    });
    assert.equal(error, mistake);
    assert.equal(sequenceOf(store.saved), seen[1], "the third comes again");
  });

  test("of filter and map that fail have not handled their event; take has handled its last one", async () => {
    const store = memory();
    await program(store, 0);
    await toggle(2);
    const first = sequenceOf(store.saved) + 1;
    const fail = () => {
      throw new Error("mine");
    };
    for (const derive of [(stream) => stream.filter(fail), (stream) => stream.map(fail)]) {
      const iterator = derive(im.chats.subscribeEvents({ cursor: store }))[Symbol.asyncIterator]();
      await assert.rejects(iterator.next(), /mine/);
      assert.deepEqual(await iterator.next(), { done: true, value: undefined });
      assert.equal(sequenceOf(store.saved), first - 1);
    }
    for await (const event of im.chats.subscribeEvents({ cursor: store }).take(2)) void event;
    assert.equal(sequenceOf(store.saved), first + 1);
  });
});
