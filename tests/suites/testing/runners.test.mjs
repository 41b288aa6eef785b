// What docs/testing.md shows for Jest and for node:test works as it stands there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { makeProject, PATIENCE_MS, tool } from "./samples.mjs";

let project;

before(async () => {
  project = await makeProject();
});

after(() => project?.remove());

test("Jest", async () => {
  const args = [tool("jest/bin/jest.js"), "--testMatch", "**/*.jest.test.js", `--testTimeout=${PATIENCE_MS}`];
  assert.match(await project.run(args, { NODE_OPTIONS: "--experimental-vm-modules --no-warnings" }), /Tests: +3 passed, 3 total/);
});

test("node:test", async () => {
  assert.match(await project.run(["--test", "--test-reporter=tap", "test/answer.node.test.js"]), /^# pass 2$/m);
});
