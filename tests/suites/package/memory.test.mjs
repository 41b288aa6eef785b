// A client that was used leaves nothing behind: not when it was closed, and not when a program only forgot it. Workers make one
// per request.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);
const program = fileURLToPath(new URL("./memory-clients.mjs", import.meta.url));

let gateway;
before(async () => (gateway = await startGateway()));
after(() => gateway.stop());

async function use(name, count, env = {}) {
  const options = { env: { ...process.env, ...env }, timeout: 120_000 };
  const { stdout } = await run(process.execPath, ["--expose-gc", program, name, String(count)], options);
  return JSON.parse(stdout);
}

/** What the wasm's memory grows by, in bytes. */
const PAGE = 65_536;

/** How many the engine may still hold on to, in its caches and on its stack. */
const FEW = 20;

describe("a client is collected, in wasm and in JavaScript, when it was", { concurrency: false }, () => {
  for (const name of ["closed after a call", "not closed after a call", "not closed after a call that was refused", "closed during a call"]) {
    test(name, async (context) => {
      const count = 1_500;
      const { collected, heap, wasm } = await use(name, count);
      context.diagnostic(`${collected} of ${2 * count} collected, heap ${heap} B, wasm ${wasm} B`);
      assert.ok(collected >= 2 * count - FEW, `${collected} of ${2 * count}`);
      assert.equal(wasm, 0, "the wasm's memory did not grow");
      assert.ok(heap < 600 * count, `the heap grew by ${heap} bytes`);
    });
  }
  for (const name of [
    "closed after a stream",
    "closed after a stream that had listeners, in a token function",
    "not closed after a catch-up that ended",
  ]) {
    test(name, async (context) => {
      const count = 200;
      const { collected, wasm } = await use(name, count, { ADDRESS: gateway.address, TOKEN: gateway.token });
      context.diagnostic(`${collected} of ${2 * count} collected, wasm ${wasm} B`);
      assert.ok(collected >= 2 * count - FEW, `${collected} of ${2 * count}`);
      // A socket that was closed is held for another second, so how many there are at a time differs from run to run.
      assert.ok(wasm <= PAGE, `the wasm's memory grew by ${wasm} bytes`);
    });
  }
});
