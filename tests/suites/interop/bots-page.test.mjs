// The programs of docs/bots.md run as they stand there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { gatewayBinary } from "../support/gateway.mjs";
import { freePort } from "../support/server.mjs";
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

test("the step for CI starts the emulator, and a test in it reaches the emulator as a bot does", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "im-chats-ci-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(gatewayBinary(), join(folder, "im-chats-gateway"));
  const program = `
    const answer = await fetch(\`https://\${process.env.IMESSAGE_SERVER_URL}/v1/chats:count\`, { headers: { authorization: \`Bearer \${process.env.IMESSAGE_API_KEY}\` } });
    console.log("answered", answer.status);
  `;
  await writeFile(join(folder, "check.mjs"), program);
  await writeFile(join(folder, "package.json"), JSON.stringify({ scripts: { test: "node check.mjs" } }));
  const [, step] = /^- run: \|\n(.*?)^```$/ms.exec(page);
  const script = step.replaceAll("8787", await freePort());
  // As the runners of GitHub call a step.
  const { stdout } = await promisify(execFile)("bash", ["-e", "-c", script], {
    cwd: folder,
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    timeout: 60_000,
  });
  assert.match(stdout, /^answered 200$/m);
});
