// What docs/testing.md shows works as it stands there, in every test runner that it names.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { freePort } from "../support/server.mjs";
import { makeProject, samples, tool } from "./samples.mjs";

const run = promisify(execFile);

let shown;
let folder;

before(async () => {
  shown = new Map(await samples());
  folder = await makeProject([...shown, ...extra(shown)]);
});

after(() => folder && rm(folder, { recursive: true, force: true }));

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

/** The page's Vitest file in the environments that it names, and Playwright with the browser of this machine. */
function extra(shown) {
  const inPage = (name, environment) =>
    `// @vitest-environment ${environment}\n${shown.get(`test/${name}.test.js`)}\ntest("in a page", () => expect(document).toBeTypeOf("object"));\n`;
  const pages = ["jsdom", "happy-dom"].flatMap((environment) =>
    ["answer", "inside"].map((name) => [`test/${name}.${environment}.test.js`, inPage(name, environment)]),
  );
  const browser = { executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] };
  return [
    ...pages,
    ["fake.html", '<!doctype html>\n<script type="module" src="/src/fake.js"></script>\n'],
    ["src/fake.js", FAKE],
    ["playwright/fake.spec.js", FAKE_SPEC],
    ["machine.config.js", `import config from "./playwright.config.js";\nexport default { ...config, use: { ...config.use, launchOptions: ${JSON.stringify(browser)} } };\n`],
  ];
}

/** Runs a program of a runner in the project; what it printed. */
async function runner(args, env = {}) {
  // A test that runs in a test of Node's would report to that one.
  const { NODE_TEST_CONTEXT, ...environment } = process.env;
  const options = { cwd: folder, env: { ...environment, NO_COLOR: "1", FORCE_COLOR: undefined, CI: "1", ...env }, timeout: 150_000 };
  const { stdout, stderr } = await run(process.execPath, args, options).catch((error) => assert.fail(`${error.message}\n${error.stdout}`));
  return stdout + stderr;
}

describe("docs/testing.md", () => {
  test("Vitest, in its environments node, jsdom and happy-dom", async () => {
    const files = ["answer", "inside"].flatMap((name) => ["", ".jsdom", ".happy-dom"].map((environment) => `test/${name}${environment}.test.js`));
    const printed = await runner([tool("vitest/vitest.mjs"), "run", "--no-file-parallelism", ...files]);
    assert.match(printed, /Test Files +6 passed \(6\)/);
    assert.match(printed, /Tests +13 passed \(13\)/);
  });

  test("Jest", async () => {
    const args = [tool("jest/bin/jest.js"), "--testMatch", "**/*.jest.test.js"];
    assert.match(await runner(args, { NODE_OPTIONS: "--experimental-vm-modules --no-warnings" }), /Tests: +3 passed, 3 total/);
  });

  test("node:test", async () => {
    assert.match(await runner(["--test", "--test-reporter=tap", "test/answer.node.test.js"]), /^# pass 2$/m);
  });

  test("Playwright", async () => {
    const printed = await runner([tool("@playwright/test/cli.js"), "test", "--config", "machine.config.js", "--reporter=line"], { PORT: String(await freePort()) });
    assert.match(printed, /2 passed/);
  });
});
