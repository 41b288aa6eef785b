// The emulator inside a program of other runtimes: the conformance program, with neither a network nor a server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const project = process.env.IM_CHATS_PROJECT;
const suites = fileURLToPath(new URL("..", import.meta.url));
const installed = (path) => join(process.env.IM_CHATS_RUNTIMES, "node_modules", path);

const RUNTIMES = [
  // It has what makes names nobody can guess, but gives it to programs only when it is asked to.
  ["Node 18", "node-18/bin/node", ["--experimental-global-webcrypto"]],
  ["Node 24", "node-24/bin/node", []],
  ["Bun", "@oven/bun-linux-x64/bin/bun", ["run"]],
  // Without the permission for any address.
  ["Deno", "@deno/linux-x64-glibc/deno", ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", `--allow-read=${project},${suites}`]],
];

describe("a program that conforms to the service conforms to the emulator in it", { concurrency: true }, () => {
  for (const [name, binary, options] of RUNTIMES) {
    test(name, async () => {
      const host = fileURLToPath(new URL("host.mjs", import.meta.url));
      const { stdout } = await promisify(execFile)(installed(binary), [...options, host, project], { cwd: project, maxBuffer: 1 << 24 });
      const report = JSON.parse(stdout.trim().split("\n").at(-1));
      assert.equal(report.length > 10, true);
      assert.deepEqual(report.filter(({ error }) => error), []);
    });
  }
});
