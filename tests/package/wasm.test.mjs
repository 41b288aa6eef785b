// `createClient({ wasm })`: every form in which a bundler or a runtime may have the WebAssembly part, and forms that are none.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { createClient, ValidationError } from "im-chats";

const run = promisify(execFile);
const file = import.meta.resolve("im-chats/wasm");

let server;
let address;
let requests = 0;

before(async () => {
  const bytes = await readFile(fileURLToPath(file));
  server = createServer((_, response) => {
    requests += 1;
    response.writeHead(200, { "content-type": "application/wasm" }).end(bytes);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${server.address().port}/im.wasm`;
});

after(() => server.close());

/**
 * The first call of a program whose wasm is the value of an expression, in a process of its own, since a program starts the wasm
 * once: what it fails with. A call with a bad guid needs nothing but a wasm that works.
 */
async function firstCall(expression) {
  const code = `
    import { readFile } from "node:fs/promises";
    import { createClient } from "im-chats";
    const file = new URL(${JSON.stringify(file)});
    const address = ${JSON.stringify(address)};
    const im = createClient({ address: "http://127.0.0.1:1", token: "t", wasm: ${expression} });
    const told = [];
    for (let call = 0; call < 2; call += 1) told.push(await im.chats.get("nobody").catch((error) => error.toJSON()));
    console.log(JSON.stringify(told));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code], { timeout: 20_000 });
  return JSON.parse(stdout);
}

const works = ({ name, context }) => assert.deepEqual([name, context.field], ["ValidationError", "chat"]);

describe("the wasm may be", () => {
  for (const [form, expression, fetched] of [
    ["bytes", "new Uint8Array(await readFile(file))", 0],
    ["an ArrayBuffer", "new Uint8Array(await readFile(file)).buffer", 0],
    ["a module", "await WebAssembly.compile(await readFile(file))", 0],
    ["a Response", "await fetch(address)", 1],
    ["an address", "address", 1],
    ["a URL", "new URL(address)", 1],
    ["the URL of a file", "file", 0],
    ["the address of a file", "file.href", 0],
    ["a promise", "readFile(file)", 0],
    ["a function", "() => readFile(file)", 0],
  ]) {
    test(form, async () => {
      const before = requests;
      const told = await firstCall(expression);
      told.forEach(works);
      assert.equal(requests - before, fetched, "it was fetched where it was said to be");
    });
  }

  test("asked for again by the next call, when a function failed", async () => {
    const failsOnce = "(() => { let calls = 0; return async () => { if (++calls === 1) throw new Error('no disk'); return readFile(file); }; })()";
    const [first, second] = await firstCall(failsOnce);
    assert.deepEqual([first.name, first.retryable], ["ConnectionError", true]);
    assert.match(first.message, /no disk/);
    works(second);
  });
});

describe("what is no wasm is refused by name", () => {
  for (const wasm of [null, 5, "", {}, [], true]) {
    test(`at once: ${JSON.stringify(wasm)}`, () => {
      assert.throws(
        () => createClient({ address: "im.example.com", token: "t", wasm }),
        (error) => error instanceof ValidationError && error.context.field === "wasm",
      );
    });
  }

  for (const expression of ["Promise.resolve({})", "() => 5"]) {
    test(`when it is known: ${expression}`, async () => {
      for (const error of await firstCall(expression)) assert.deepEqual([error.name, error.context.field], ["ValidationError", "wasm"]);
    });
  }
});
