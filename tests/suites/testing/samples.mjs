// The files that docs/testing.md shows: every block whose fence names one, in an empty project with the packed package and the test runners.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const { IM_CHATS_ROOT: root, IM_CHATS_PROJECT: project, IM_CHATS_TESTING: tools } = process.env;

/** The blocks of the page: `[name, code]`. */
export async function samples() {
  const text = await readFile(join(root, "docs/testing.md"), "utf8");
  return [...text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)].map(([, name, code]) => [name, code]);
}

/** More time than the runners give a test by themselves, for a machine that has other work. */
export const PATIENCE_MS = 60_000;

/** Where a runner finds its own file. */
export const tool = (path) => join(tools, "node_modules", path);

/**
 * A project with what the page shows, and `more` files. It lies in the folder of the runners, so that they are found, and so is what a
 * test imports of them.
 */
export async function makeProject(more = []) {
  const folder = await mkdtemp(join(tools, "project-"));
  await cp(join(project, "node_modules"), join(folder, "node_modules"), { recursive: true, dereference: true, filter: (path) => !path.includes("/.bin") });
  for (const [name, code] of [["package.json", '{ "private": true, "type": "module" }\n'], ...(await samples()), ...more]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), code);
  }
  return {
    /** Runs a program of a runner in it; what that printed. */
    async run(args, env = {}) {
      // A test that runs in a test of Node's would report to that one.
      const { NODE_TEST_CONTEXT, ...environment } = process.env;
      const options = { cwd: folder, env: { ...environment, NO_COLOR: "1", FORCE_COLOR: undefined, CI: "1", ...env }, timeout: 150_000 };
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options).catch((error) => assert.fail(`${error.message}\n${error.stdout}`));
      return stdout + stderr;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
