// The programs of docs/bots.md run as they stand there.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Desk } from "./bots/run.mjs";

const ALICE = "alice@example.com";
const DIRECT = `any;-;${ALICE}`;

const page = await readFile(join(process.env.IM_CHATS_ROOT, "docs/bots.md"), "utf8");
const programs = [...page.matchAll(/^```mjs\n(.*?)^```$/gms)].map(([, code]) => code);

let desk;
before(async () => {
  desk = await Desk.open();
  await desk.call("POST", "/v1/chats", { addresses: [ALICE] });
});
after(() => desk?.close());

test("the page has a bot for each framework, and the versions that are tested", async () => {
  assert.deepEqual(
    programs.map((code) => /spectrum-ts|chat-adapter-imessage/.exec(code)?.[0]),
    ["spectrum-ts", "chat-adapter-imessage"],
  );
  const { dependencies } = JSON.parse(await readFile(join(process.env.IM_CHATS_ROOT, "examples/bots/package.json"), "utf8"));
  for (const [name, version] of Object.entries(dependencies)) assert.ok(page.includes(`${name}@${version}`), `${name}@${version}`);
});

for (const [index, code] of programs.entries()) {
  test(`bot ${index + 1} of the page answers`, async () => {
    // Its last line tells the test that it runs.
    const marked = code.includes("for await") ? code.replace("for await", 'console.log("listening");\nfor await') : `${code}\nconsole.log("listening");\n`;
    await writeFile(join(desk.folder, `page-${index}.mjs`), marked);
    await desk.start(`page-${index}`);
    await desk.hears(DIRECT, ALICE);
    await desk.bot.kill();
  });
}
