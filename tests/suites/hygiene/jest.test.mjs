// Jest, which gives a test a world of its own: Node's, or jsdom's, where much of what a page has is missing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);
const { IM_CHATS_PROJECT: project, IM_CHATS_HYGIENE: tools } = process.env;
const tool = (path) => join(tools, "node_modules", path);
const folder = join(project, "jest");

/** As docs/runtimes.md has it. */
const PAGE = `
import { TestEnvironment } from ${JSON.stringify(tool("jest-environment-jsdom/build/index.js"))};

export default class extends TestEnvironment {
  constructor(...options) {
    super(...options);
    Object.assign(this.global, { AbortController, AbortSignal, fetch, Headers, Request, Response, TextDecoder, TextEncoder });
  }
}
`;

/** Imports the package, makes a client, and prints what became of a call and of a stream. */
const PROGRAM = `
import { createClient, IMessageError } from "im-chats";

test("one call, one stream", async () => {
  const im = createClient({ address: process.env.ADDRESS, token: process.env.TOKEN });
  const outcome = (promise) => promise.then(
    () => "fine",
    (error) => error instanceof IMessageError ? [error.name, error.code, error.retryable, error.message].join(" | ") : String(error),
  );
  const call = await outcome(im.chats.create(["alice@example.com"]));
  const stream = im.chats.subscribeEvents();
  const next = outcome(stream[Symbol.asyncIterator]().next());
  // Something to see, where there is anything to see.
  if (call === "fine") await outcome(stream.ready.then(() => im.chats.setBackground("any;-;alice@example.com", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a))));
  console.log(JSON.stringify({ call, next: await next, page: typeof document === "object" }));
  await im.close();
});
`;

let gateway;

before(async () => {
  gateway = await startGateway();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "one.test.mjs"), PROGRAM);
  await writeFile(join(folder, "page.mjs"), PAGE);
});

after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What the program printed under a configuration of Jest. */
async function underJest(config) {
  const all = { rootDir: folder, testMatch: ["**/*.test.mjs"], moduleFileExtensions: ["mjs", "js", "json"], transform: {}, cache: false, ...config };
  const env = { ...process.env, ADDRESS: gateway.address, TOKEN: gateway.token, NODE_OPTIONS: "--experimental-vm-modules --no-warnings" };
  const { stdout } = await run(process.execPath, [tool("jest/bin/jest.js"), "--config", JSON.stringify(all), "--silent=false"], { cwd: folder, env, timeout: 120_000 });
  const line = /^\s*(\{"call".*\})$/m.exec(stdout);
  assert.ok(line, stdout);
  return JSON.parse(line[1]);
}

test("in Jest's Node", async () => {
  assert.deepEqual(await underJest({ testEnvironment: tool("jest-environment-node/build/index.js") }), { call: "fine", next: "fine", page: false });
});

test("in Jest's jsdom importing works, and the first call and the stream name what is missing", async () => {
  const { call, next, page } = await underJest({ testEnvironment: tool("jest-environment-jsdom/build/index.js") });
  assert.ok(page);
  for (const outcome of [call, next]) {
    assert.match(outcome, /^IMessageError \| operationNotSupported \| false \| im-chats needs TextDecoder, TextEncoder, fetch, which/);
  }
});

test("in Jest's jsdom, completed as docs/runtimes.md says", async () => {
  const page = { testEnvironment: join(folder, "page.mjs"), testEnvironmentOptions: { customExportConditions: ["node"] } };
  assert.deepEqual(await underJest(page), { call: "fine", next: "fine", page: true });
});
