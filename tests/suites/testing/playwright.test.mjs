// What docs/testing.md shows for Playwright works as it stands there, with the browser of this machine.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { freePort } from "../support/server.mjs";
import { makeProject, PATIENCE_MS, tool } from "./samples.mjs";

/** `im-chats/testing` in a page: streams, and no emulator. */
const FAKE = `
import { fakeStream, startEmulator } from "im-chats/testing";
const seen = [];
for await (const event of fakeStream([1, 2])) seen.push(event);
const refused = await startEmulator().catch((error) => error.code);
document.title = [...seen, refused].join(" ");
`;
const FAKE_SPEC = `
import { expect, test } from "@playwright/test";
test("streams, and no emulator", async ({ page }) => {
  await page.goto("/fake.html");
  await expect(page).toHaveTitle("1 2 operationNotSupported");
});
`;

const browser = { executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] };

let project;

before(async () => {
  project = await makeProject([
    ["fake.html", '<!doctype html>\n<script type="module" src="/src/fake.js"></script>\n'],
    ["src/fake.js", FAKE],
    ["playwright/fake.spec.js", FAKE_SPEC],
    ["machine.config.js", `import config from "./playwright.config.js";\nexport default { ...config, timeout: ${PATIENCE_MS}, expect: { timeout: ${PATIENCE_MS} / 2 }, use: { ...config.use, launchOptions: ${JSON.stringify(browser)} } };\n`],
  ]);
});

after(() => project?.remove());

test("Playwright", async () => {
  const printed = await project.run([tool("@playwright/test/cli.js"), "test", "--config", "machine.config.js", "--reporter=line"], { PORT: String(await freePort()) });
  assert.match(printed, /2 passed/);
});
