// The feed: what happened before, what happens, and only what one wants to see.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ALICE, stage } from "./stage.mjs";

const at = stage();
const sequences = async () => (await at.page.locator("#feed .meta").allTextContents()).map((text) => Number(/#(\d+)/.exec(text)[1]));

describe("the feed of events", () => {
  test("has what happened before the page was opened, and all kinds of events as they happen", async () => {
    await at.people({ "alice@example.com": "hello", "bob@example.com,carol@example.com": "hi" });
    const { chats } = (await at.gateway.call("GET", "/emulator/v1/chats"))[1];
    const group = chats.map(({ chat }) => chat).find((chat) => chat.isGroup).guid;
    await at.open();
    await at.page.waitForFunction(() => document.querySelectorAll('#feed [data-type="message.received"]').length === 2);
    const { message } = await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "again" });
    await at.act("messages:react", { chatGuid: ALICE, messageGuid: message.guid, actor: "alice@example.com", kind: "love" });
    await at.act("messages:edit", { chatGuid: ALICE, messageGuid: message.guid, actor: "alice@example.com", text: "once more" });
    await at.act("messages:unsend", { chatGuid: ALICE, messageGuid: message.guid, actor: "alice@example.com" });
    await at.act("groups:rename", { chatGuid: group, actor: "bob@example.com", displayName: "Trip" });
    await at.act("polls:create", { chatGuid: group, actor: "bob@example.com", title: "Lunch?", options: ["Pizza", "Sushi"] });
    await at.act("chats:archive", { chatGuid: ALICE });
    for (const words of ["received: again", "❤️ added", "edited: once more", "message unsent", "named “Trip”", "poll “Lunch?”", "archived"]) {
      await at.page.locator("#feed .what", { hasText: words }).first().waitFor();
    }
    // Newest first, each once, in the order of the log.
    const seen = await sequences();
    assert.deepEqual(seen, [...new Set(seen)].sort((one, other) => other - one));
    at.assertNoComplaints();
  });

  test("shows only the kinds that are chosen, from before and from now on", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.eventOf("message.received").waitFor();
    await at.page.getByLabel("Kinds of events").selectOption("chat.archived");
    await at.eventOf("message.received").waitFor({ state: "detached" });
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "not shown" });
    await at.act("chats:archive", { chatGuid: ALICE });
    await at.eventOf("chat.archived").waitFor();
    assert.equal(await at.page.locator("#feed li").count(), 1);
    await at.page.getByLabel("Kinds of events").selectOption("Messages");
    await at.page.waitForFunction(() => document.querySelectorAll('#feed [data-type="message.received"]').length === 2);
    assert.equal(await at.eventOf("chat.archived").count(), 0);
  });

  test("holds a long log, and only the rows that can be seen are in the page", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.act("events:generate", { count: 1_000 });
    await at.open();
    await at.page.locator("#feed .meta", { hasText: "#1001" }).waitFor();
    assert.ok((await at.page.locator("#feed li").count()) < 40);
    const from = (await sequences()).at(-1);
    await at.page.locator("#feed-scroll").evaluate((scroll) => scroll.scrollTo(0, scroll.scrollHeight));
    await at.page.waitForFunction((number) => !document.querySelector("#feed").textContent.includes(`#${number}`), from);
    assert.ok((await sequences()).at(-1) >= 690, "it begins some hundred events back, not at the beginning");
    await at.page.getByRole("button", { name: "Earlier" }).click();
    await at.page.waitForFunction(() => document.querySelector("#feed-scroll").scrollHeight > 56_000);
    await at.page.locator("#feed-scroll").evaluate((scroll) => scroll.scrollTo(0, scroll.scrollHeight));
    await at.page.locator("#feed .meta", { hasText: /#1(?!\d)/ }).waitFor();
  });

  test("who reads further down keeps the place when something happens", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.act("events:generate", { count: 200 });
    await at.open();
    const { page } = at;
    const scroll = page.locator("#feed-scroll");
    await page.waitForFunction(() => document.querySelector("#feed-scroll").scrollHeight > 200 * 56);
    await scroll.evaluate((element) => element.scrollTo(0, 5_000));
    const seen = () =>
      scroll.evaluate((element) => {
        const { left, top } = element.getBoundingClientRect();
        return document.elementFromPoint(left + 30, top + 30)?.closest("button")?.dataset.sequence;
      });
    await page.waitForFunction(() => document.querySelector("#feed li:first-child button").dataset.sequence < 130);
    const before = await seen();
    assert.match(before, /^\d+$/);
    const height = await page.locator("#feed").evaluate((feed) => feed.style.height);
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "again" });
    await page.waitForFunction((last) => document.querySelector("#feed").style.height !== last, height);
    assert.equal(await seen(), before);
  });

  test("another kind that is chosen before the feed has begun is no failure", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.page.locator("#kinds").evaluate((kinds) => {
      for (const kind of ["chat.archived", "Messages"]) {
        kinds.value = kind;
        kinds.dispatchEvent(new Event("change"));
      }
    });
    await at.eventOf("message.received").waitFor();
    assert.equal(await at.alert.textContent(), "");
    assert.equal(await at.page.locator("#resume").isVisible(), false);
  });

  test("an event leads to its chat", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.eventOf("message.received").getByRole("button").click();
    await at.page.locator("#detail-title", { hasText: "Alice" }).waitFor();
  });
});
