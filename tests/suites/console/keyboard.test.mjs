// Everything with the keyboard alone, in few steps.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { stage } from "./stage.mjs";

const at = stage();

describe("with the keyboard", () => {
  test("a chat is made, written in, and left, and the focus is always somewhere sensible", async () => {
    await at.open();
    const { page } = at;
    await at.tabTo("New chat");
    await page.keyboard.press("Enter");
    await page.keyboard.type("bob@example.com");
    await page.keyboard.press("Enter");
    await page.locator("#talk").waitFor();
    assert.equal(await at.focused, "draft");
    await page.keyboard.type("Hello Bob");
    await page.keyboard.press("Enter");
    await at.message("Hello Bob").waitFor();
    await at.drafted("");
    assert.equal(await at.focused, "draft");
    // To the messages, into a menu, and out of it.
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "menuitemcheckbox");
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "hidden" });
    assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Actions for the message of You: Hello Bob/);
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
    // A dialog closes by Escape, and the focus goes back.
    await at.tabTo("send-code");
    await page.keyboard.press("Enter");
    assert.equal(await at.focused, "code-copy");
    await page.keyboard.press("Escape");
    assert.equal(await at.focused, "send-code");
    // Escape in the composer leads back to the list.
    await page.locator("#draft").focus();
    await page.keyboard.press("Escape");
    assert.match(await page.evaluate(() => document.activeElement.dataset.guid), /bob@example\.com$/);
    at.assertNoComplaints();
  });

  test("the list is one stop: arrows, Home and End move in it, Enter opens", async () => {
    await at.people({ "alice@example.com": "1", "bob@example.com": "2", "carol@example.com": "3", "dave@example.com": "4" });
    await at.open();
    await at.row("Dave").waitFor();
    const { page } = at;
    const name = () => page.evaluate(() => document.activeElement.querySelector(".name")?.textContent);
    await page.getByLabel("Search chats").focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await name(), "Dave");
    for (const [key, expected] of [["ArrowDown", "Carol"], ["End", "Alice"], ["ArrowDown", "Alice"], ["Home", "Dave"], ["ArrowDown", "Carol"]]) {
      await page.keyboard.press(key);
      assert.equal(await name(), expected, key);
    }
    assert.equal(await page.locator("#list button[tabindex='0']").count(), 1);
    await page.keyboard.press("Enter");
    await page.locator("#detail-title", { hasText: "Carol" }).waitFor();
    assert.equal(await at.focused, "draft");
  });

  test("a chat that moves keeps the focus", async () => {
    await at.people({ "alice@example.com": "1", "bob@example.com": "2" });
    await at.open();
    await at.row("Alice").focus();
    await at.act("messages:receive", { chatGuid: "any;-;alice@example.com", from: "alice@example.com", text: "up" });
    await at.row("up").waitFor();
    assert.equal(await at.page.evaluate(() => document.activeElement.dataset.guid), "any;-;alice@example.com");
  });

  test("from the list the details are few stops away, and a link skips to the conversation", async () => {
    await at.people(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`person${index}@example.com`, "hi"])));
    await at.open();
    const { page } = at;
    await at.openChat("Person7");
    await at.message("hi").waitFor();
    await page.locator("#list [aria-current]").focus();
    const presses = await at.tabTo("to-details");
    assert.ok(presses <= 3, `${presses} stops`);
    await page.keyboard.press("Enter");
    assert.equal(await at.focused, "tab-details");
    // As from the address bar: the first stops are the links that skip.
    await page.evaluate(() => {
      document.body.tabIndex = -1;
      document.body.focus();
    });
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the conversation");
    await page.keyboard.press("Enter");
    assert.equal(await at.focused, "conversation");
  });

  test("tabs beside the conversation are one stop, and arrows move between them", async () => {
    await at.people({ "alice@example.com": "1" });
    await at.open();
    const { page } = at;
    await at.tab("Events").focus();
    for (const [key, tab, panel] of [["ArrowRight", "tab-details", "panel-details"], ["End", "tab-world", "panel-world"], ["Home", "tab-events", "panel-events"]]) {
      await page.keyboard.press(key);
      assert.equal(await at.focused, tab);
      assert.equal(await page.locator(`#${panel}`).isVisible(), true);
    }
  });
});
