// What docs/testing.md shows for Vitest works as it stands there, in the environments that it names.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { makeProject, PATIENCE_MS, samples, tool } from "./samples.mjs";

const FILES = ["answer", "inside"];
const PAGES = ["jsdom", "happy-dom"];

let project;

before(async () => {
  const shown = new Map(await samples());
  const inPage = (name, environment) =>
    `// @vitest-environment ${environment}\n${shown.get(`test/${name}.test.js`)}\ntest("in a page", () => expect(document).toBeTypeOf("object"));\n`;
  project = await makeProject(PAGES.flatMap((environment) => FILES.map((name) => [`test/${name}.${environment}.test.js`, inPage(name, environment)])));
});

after(() => project?.remove());

test("Vitest, in its environments node, jsdom and happy-dom", async () => {
  const files = FILES.flatMap((name) => ["", ...PAGES.map((environment) => `.${environment}`)].map((environment) => `test/${name}${environment}.test.js`));
  const printed = await project.run([tool("vitest/vitest.mjs"), "run", "--no-file-parallelism", `--testTimeout=${PATIENCE_MS}`, `--hookTimeout=${PATIENCE_MS}`, ...files]);
  assert.match(printed, /Test Files +6 passed \(6\)/);
  assert.match(printed, /Tests +13 passed \(13\)/);
});
