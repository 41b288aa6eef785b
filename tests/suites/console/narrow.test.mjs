// A phone: one view at a time, from the list into the conversation and back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { stage } from "./stage.mjs";

const at = stage();
const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** Taps, and waits for the view that this shows: a tap becomes a click a moment after it. */
async function tap(button, view) {
  await button.tap();
  await at.page.locator(`body[data-view=${view}]`).waitFor();
}

async function fits(view) {
  const { page } = at;
  assert.equal(await page.locator(".pane").evaluateAll((all) => all.filter((pane) => pane.checkVisibility()).length), 1, view);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${view} is ${overflow} px too wide`);
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll("main *")].filter((one) => one.checkVisibility() && !one.closest(".hidden, .scroll, .feed") && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.id || one.className),
  );
  assert.deepEqual(wide, [], view);
}

describe("on a phone", () => {
  test("the list leads into a conversation and back, and nothing runs over the edge", async () => {
    await at.open(phone);
    const { page } = at;
    await fits("the empty list");
    const text = "A rather long opening message, as people write them, to see where it goes.";
    await at.createChat("a.person.with.a.very.long.name@mail.example.com, +12025550143", text);
    await at.message(text).waitFor();
    await fits("the conversation");
    assert.equal(await page.getByRole("navigation", { name: "Views" }).isVisible(), false, "the composer has the room");
    await tap(page.getByRole("button", { name: "Details of the chat" }), "side");
    await fits("the details");
    await tap(page.getByRole("button", { name: "Back to the conversation" }), "talk");
    await fits("the conversation again");
    await tap(page.getByRole("button", { name: "Back to the chats" }), "chats");
    await fits("the list");
    assert.equal(await page.evaluate(() => document.activeElement.closest("#list") !== null), true, "the focus is on the chat one came from");
    await tap(page.getByRole("navigation", { name: "Views" }).getByRole("button", { name: "Events" }), "side");
    await fits("the events");
    at.assertNoComplaints();
  });

  test("what comes while one looks at the list is counted on the tab of events, and the chat stays unread", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open(phone);
    const { page } = at;
    await page.locator("#state[data-state=live]").waitFor();
    await at.openChat("Alice");
    await at.row("Alice").getByText("unread").waitFor({ state: "detached" });
    await tap(page.getByRole("button", { name: "Back to the chats" }), "chats");
    await at.act("messages:receive", { chatGuid: "any;-;alice@example.com", from: "alice@example.com", text: "and now?" });
    await at.row("and now?").getByText("1 unread").waitFor();
    await page.locator("#unseen", { hasText: /\d/ }).waitFor();
  });

  test("a message that comes over the list stays unread after the chat was marked read", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open(phone);
    const { page } = at;
    await page.clock.install();
    await page.reload();
    const marked = [];
    page.on("request", (request) => request.url().includes("chats:markRead") && marked.push(request.url()));
    await at.openChat("Alice");
    await at.row("Alice").getByText("unread").waitFor({ state: "detached" });
    await tap(page.getByRole("button", { name: "Back to the chats" }), "chats");
    await at.act("messages:receive", { chatGuid: "any;-;alice@example.com", from: "alice@example.com", text: "and now?" });
    await at.row("and now?").getByText("1 unread").waitFor();
    await page.clock.runFor(2_000);
    await page.evaluate(() => fetch("/healthz"));
    assert.equal(marked.length, 1);
  });

  test("what comes over the details is seen, and read, on the way back", async () => {
    await at.people({ "alice@example.com": "hello" });
    const says = (text) => at.act("messages:receive", { chatGuid: "any;-;alice@example.com", from: "alice@example.com", text });
    for (let number = 1; number <= 30; number += 1) await says(`number ${number}`);
    await says("the last of them");
    await at.open(phone);
    const { page } = at;
    await at.openChat("Alice");
    await at.message("the last of them").waitFor();
    await at.row("Alice").getByText("unread").waitFor({ state: "detached" });
    await tap(page.getByRole("button", { name: "Details of the chat" }), "side");
    await says("and now?");
    await at.row("and now?").getByText("1 unread").waitFor({ state: "attached" });
    await tap(page.getByRole("button", { name: "Back to the conversation" }), "talk");
    await at.row("and now?").getByText("unread").waitFor({ state: "detached" });
    const end = await page.locator("#scroll").evaluate((scroll) => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight);
    assert.ok(end < 5, `the newest message is ${end} px away`);
  });
});
