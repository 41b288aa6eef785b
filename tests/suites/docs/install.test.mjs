// The package as it lies in the repository, installed as README and examples/node say: with what it needs, and not as a bare link.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, lstat, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);
const root = process.env.IM_CHATS_ROOT;

/** Calls `use` with an empty folder, a function that runs a program there, and the emulator's place in the environment. */
async function inEmptyFolder(use) {
  const gateway = await startGateway();
  const folder = await mkdtemp(join(tmpdir(), "im-chats-install-"));
  const env = { ...process.env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token };
  try {
    await use(folder, (program, args) => run(program, args, { cwd: folder, env, timeout: 120_000 }));
  } finally {
    await rm(folder, { recursive: true, force: true });
    await gateway.stop();
  }
}

test("the first program, installed as README says", () =>
  inEmptyFolder(async (folder, start) => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    const [, install] = /`(npm install [^`]*\/path\/to\/im-chats\/pkg[^`]*)`/.exec(readme);
    const [, program] = /```js\n([^]*?)```/.exec(readme);
    await start("npm", ["init", "-y"]);
    await start("sh", ["-c", `${install.replace("/path/to/im-chats", root)} --no-audit --no-fund`]);
    // What was installed stays whole when something else is.
    await start("npm", ["install", "ws", "--no-audit", "--no-fund", "--prefer-offline"]);
    assert.equal((await lstat(join(folder, "node_modules/im-chats"))).isSymbolicLink(), false);
    await writeFile(join(folder, "first.mjs"), program);
    const { stdout } = await start(process.execPath, ["first.mjs"]);
    assert.match(stdout, /^any;-;alice@example\.com 1\n/);
    assert.match(stdout, /\ncatchup\.complete\n$/);
  }));

test("the tour, with npm install in its folder", () =>
  inEmptyFolder(async (folder, start) => {
    await cp(join(root, "examples/node"), folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const manifest = join(folder, "package.json");
    await writeFile(manifest, (await readFile(manifest, "utf8")).replace("file:../../pkg", `file:${join(root, "pkg")}`));
    await start("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"]);
    const { stdout, stderr } = await start("npm", ["start", "--silent"]);
    assert.equal(stderr, "");
    assert.match(stdout, /^history \d+ events, up to \d+$/m);
  }));
