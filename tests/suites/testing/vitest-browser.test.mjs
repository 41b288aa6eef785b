// What docs/testing.md shows for Vitest's browser mode works as it stands there, with the browser of this machine.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { makeProject, PATIENCE_MS, tool } from "./samples.mjs";

const launchOptions = JSON.stringify({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const CONFIG = `
import { playwright } from "@vitest/browser-playwright";
import config from "./vitest.browser.config.js";
const browser = { ...config.test.browser, provider: playwright({ launchOptions: ${launchOptions} }) };
export default { ...config, test: { ...config.test, browser } };
`;

let project;

before(async () => {
  project = await makeProject([["machine.browser.config.js", CONFIG]]);
});

after(() => project?.remove());

test("Vitest, in a page of Chromium", async () => {
  const printed = await project.run([tool("vitest/vitest.mjs"), "run", `--testTimeout=${PATIENCE_MS}`, "--config", "machine.browser.config.js"]);
  assert.match(printed, /chromium.*test\/inside\.test\.js/);
  assert.match(printed, /Tests +1 passed \(1\)/);
});
