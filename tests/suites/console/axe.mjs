// What axe-core finds in each state of the page, light and dark: nothing that is serious.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { before, describe, test } from "node:test";

import { sunset } from "../support/picture.mjs";
import { ALICE, stage } from "./stage.mjs";

/** Describes the tests for a size of the window; `isPhone` when there is room for one view only. */
export function accessible(size, options) {
  const at = stage();
  const isPhone = Boolean(options.isMobile);
  let axe;
  before(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  });

  /** Runs axe in the page as it is. */
  async function look(what) {
    const { page } = at;
    // Something that fades in has another contrast until it is there.
    await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))));
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const { violations: found } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return found.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ html, any }) => `${html.slice(0, 200)} ${any[0]?.message ?? ""}`) }));
    });
    const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(bad, [], what);
  }

  for (const colorScheme of ["light", "dark"]) {
    describe(`accessible, ${size} and ${colorScheme}`, () => {
      test("before and after connecting, without chats, and with an error", async () => {
        await at.visit({ ...options, colorScheme, bypassCSP: true });
        const { page } = at;
        await look("connect");
        await page.getByLabel("Token", { exact: true }).fill("wrong");
        await page.getByRole("button", { name: "Connect" }).click();
        await at.alert.getByText("Connecting failed.").waitFor();
        await look("a wrong token");
        await page.getByLabel("Token", { exact: true }).fill(at.gateway.token);
        await page.getByRole("button", { name: "Connect" }).click();
        await page.getByText("No chats yet.").waitFor();
        await look("no chats");
        await page.getByRole("button", { name: "New chat" }).click();
        await look("a new chat");
      });

      test("with chats, a conversation, a menu, a dialog and each panel", async () => {
        await at.people({ "alice@example.com": "hello", "bob@example.com,carol@example.com": "the slides are up", "dave@example.com": "" });
        await at.open({ ...options, colorScheme, bypassCSP: true });
        const { page } = at;
        await at.row("Alice").waitFor();
        await look("chats");
        await at.openChat("bob@example.com, carol@example.com");
        await at.send("thank you");
        await look("a conversation of a group");
        if (isPhone) await page.getByRole("button", { name: "Back to the chats" }).click();
        await at.openChat("Alice");
        await at.send("hello yourself");
        await at.act("messages:react", { chatGuid: ALICE, messageGuid: await page.locator(".message.mine").getAttribute("data-guid"), actor: "alice@example.com", kind: "love" });
        await page.locator(".reactions").waitFor();
        await at.act("chats:setBackground", { chatGuid: ALICE, data: sunset(40, 30).toString("base64") });
        await page.locator("#stage[data-background=set]").waitFor();
        await look("a conversation over a background");
        await at.message("hello yourself").hover();
        await at.message("hello yourself").getByRole("button", { name: /^Actions/ }).click();
        await look("a menu");
        await page.getByRole("menuitem", { name: "As code" }).click();
        await look("code");
        await page.keyboard.press("Escape");
        await at.choose("hello yourself", "Reply");
        await look("a reply");
        if (isPhone) await page.getByRole("button", { name: "Details of the chat" }).click();
        for (const tab of ["Details", "The others", "Events"]) {
          await at.tab(tab).click();
          await look(tab);
        }
      });
    });
  }
}
