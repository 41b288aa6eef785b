// "As code": what the page shows as a program runs as it is, and does what the button does.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { ALICE, stage } from "./stage.mjs";

const at = stage();
const project = process.env.IM_CHATS_PROJECT;
const run = promisify(execFile);
let count = 0;

/** The program of this label in the open dialog, as it is copied. */
async function copyCode(label) {
  const { page } = at;
  if (label) await page.locator("#code-of").selectOption({ label });
  await page.locator("#code-copy").click();
  await page.locator("#code-copy", { hasText: "Copied" }).waitFor();
  return at.copied;
}

/** Runs a program where the package is installed. */
async function runCode(text) {
  const file = join(project, `snippet-${process.pid}-${(count += 1)}.mjs`);
  await writeFile(file, text);
  try {
    return await run(process.execPath, [file], { cwd: project, timeout: 30_000, env: { ...process.env, IM_CHATS_TOKEN: at.gateway.token } });
  } finally {
    await rm(file);
  }
}

const held = async () => (await at.gateway.call("GET", `/v1/messages:listByChat?chatGuid=${encodeURIComponent(ALICE)}`))[1].messages;

describe("as code", () => {
  test("each action of a conversation is a program with the values of the page", async () => {
    await at.people({ "alice@example.com": "Is it \"you\"?" });
    await at.open();
    await at.openChat("Alice");
    const { page } = at;
    await page.locator("#draft").fill("It's \"me\"\nreally");
    await page.getByRole("button", { name: "Sending this, as code" }).click();
    const code = await copyCode();
    assert.match(code, /import \{ createClient \} from "im-chats\/messages"/);
    assert.equal(code.includes(at.gateway.token), false, "the token stays in the environment");
    await page.keyboard.press("Escape");
    await runCode(code);
    await at.message("It's \"me\"").waitFor();
    await page.locator("#draft").fill("");
    await at.choose("It's \"me\"", "As code");
    const programs = await page.locator("#code-of option").allTextContents();
    assert.deepEqual(programs, ["Reply", "React", "Edit", "Unsend", "Get the message"]);
    await runCode(await copyCode("React"));
    await runCode(await copyCode("Edit"));
    await runCode(await copyCode("Reply"));
    const { stdout } = await runCode(await copyCode("Get the message"));
    assert.match(stdout, /really/);
    await runCode(await copyCode("Unsend"));
    const [reply, mine] = await held();
    assert.equal(reply.replyTargetGuid, mine.guid);
    assert.ok(mine.dateRetracted);
    at.assertNoComplaints();
  });

  test("every program about a chat, a group, a new chat, the events and the others can be run", async () => {
    await at.people({ "alice@example.com,bob@example.com": "hi", "alice@example.com": "hello" });
    await at.open();
    const { page } = at;
    await page.getByRole("button", { name: "New chat" }).click();
    await page.getByLabel("To", { exact: true }).fill("dora@example.com");
    await page.getByLabel("First message").fill("by code");
    await page.getByRole("button", { name: "Creating a chat, as code" }).click();
    await runCode(await copyCode());
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Cancel" }).click();
    await at.row("by code").waitFor();
    await at.openChat("alice@example.com, bob@example.com");
    await page.locator("#group-name, #talk").first().waitFor();
    await at.tab("The others").click();
    await page.getByRole("button", { name: "These acts, as code" }).click();
    for (const label of await page.locator("#code-of option").allTextContents()) {
      const { stdout } = await runCode(await copyCode(label));
      // The account has sent nothing here that somebody could have read.
      if (label !== "Read my messages") assert.match(stdout, /^200 /, label);
    }
    await page.keyboard.press("Escape");
    await at.tab("Details").click();
    await page.getByRole("button", { name: "These actions, as code" }).click();
    const labels = await page.locator("#code-of option").allTextContents();
    assert.ok(labels.includes("Leave the group"));
    for (const label of labels.filter((label) => !/^Follow|background/.test(label))) await runCode(await copyCode(label));
    await page.keyboard.press("Escape");
    // A stream goes on until it is ended.
    await page.getByRole("button", { name: "Following this chat, as code" }).click();
    const follow = (await copyCode("Follow this chat")).replace(/console\.log\(event.*/, "$& break;").replace("subscribe({ ", "subscribe({ after: 0, ");
    const { stdout } = await runCode(`${follow}\nawait im.close();`);
    assert.match(stdout, /message\.received/);
  });
});
