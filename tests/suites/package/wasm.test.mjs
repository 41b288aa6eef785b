// `createClient({ wasm })`: every form in which a bundler or a runtime may have the WebAssembly part, and forms that are none.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { createClient, ValidationError } from "im-chats";

import { listen } from "../support/server.mjs";

const run = promisify(execFile);
const file = import.meta.resolve("im-chats/wasm");

let server;
let address;
let requests = 0;

before(async () => {
  const bytes = await readFile(fileURLToPath(file));
  // By the end of the address: the status, the type and the body.
  const html = "<!doctype html><title>An app</title>";
  const answers = {
    "im.wasm": [200, "application/wasm", bytes],
    octets: [200, "application/octet-stream", bytes],
    untyped: [200, undefined, bytes],
    fallback: [200, "text/html; charset=utf-8", html],
    empty: [200, undefined, ""],
    lying: [200, "application/wasm", html],
    missing: [404, "text/html", html],
    busy: [503, "text/plain", "later"],
  };
  const files = createServer((request, response) => {
    requests += 1;
    const [status, type, body] = answers[request.url.slice(1)];
    response.writeHead(status, type && { "content-type": type }).end(body);
  });
  server = await listen(files);
  address = `${server.address}/im.wasm`;
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
    const errors = [];
    for (let call = 0; call < 2; call += 1) errors.push(await im.chats.get("nobody").catch((error) => error.toJSON()));
    console.log(JSON.stringify(errors));
  `;
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "--eval", code], { timeout: 20_000 });
  assert.equal(stderr, "", "it complained");
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
    ["an address that answers with another type", "new URL('octets', address)", 1],
    ["an address that names no type", "new URL('untyped', address).href", 1],
    ["a promise", "readFile(file)", 0],
    ["a function", "() => readFile(file)", 0],
  ]) {
    test(form, async () => {
      const before = requests;
      const errors = await firstCall(expression);
      errors.forEach(works);
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

describe("an error says what came instead of WebAssembly, and whether another attempt can help", () => {
  const advice = '; make your bundler or server provide that file, import "im-chats/inline", or set the option wasm';
  const at = (path) => `new URL(${JSON.stringify(path)}, address)`;
  for (const [what, expression, said, retryable] of [
    ["the page that a server gives for every path", at("fallback"), `ADDRESS/fallback answered with text/html; charset=utf-8 that is not WebAssembly${advice}`, false],
    ["a Response that was read", `await fetch(address).then(async (answer) => (await answer.text(), answer))`, "the Response was read before; give a function that fetches it", false],
    ["the same from a function", `() => fetch(${at("fallback")})`, `ADDRESS/fallback answered with text/html; charset=utf-8 that is not WebAssembly${advice}`, false],
    ["an empty answer", at("empty"), `ADDRESS/empty answered with something that is not WebAssembly${advice}`, false],
    ["no such file", at("missing"), `ADDRESS/missing answered with status 404${advice}`, false],
    ["a server that is busy", at("busy"), `ADDRESS/busy answered with status 503${advice}`, true],
    ["a page that says it is WebAssembly", at("lying"), /magic word/, false],
    ["other bytes", "new Uint8Array([1, 2, 3, 4, 5])", `what it was given is not WebAssembly${advice}`, false],
    ["no bytes", "new ArrayBuffer(0)", `what it was given is not WebAssembly${advice}`, false],
    ["half of the bytes", "(await readFile(file)).subarray(0, 20000)", /CompileError|WebAssembly/, false],
    ["nobody there", "'http://127.0.0.1:1/im.wasm'", /^http:..127.0.0.1:1.im.wasm: ./, true],
  ]) {
    test(what, async () => {
      for (const error of await firstCall(expression)) {
        assert.deepEqual([error.name, error.code, error.retryable], ["ConnectionError", "networkError", retryable], error.message);
        const why = error.message.replace(/^the WebAssembly part of im-chats could not be started: /, "");
        if (said instanceof RegExp) assert.match(why, said);
        else assert.equal(why.replace(new URL(address).origin, "ADDRESS"), said);
      }
    });
  }
});
