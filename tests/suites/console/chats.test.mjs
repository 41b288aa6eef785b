// The list of chats.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ALICE, stage } from "./stage.mjs";

const at = stage();
const listed = (names) => at.shows("#list .name", names);

describe("the list of chats", () => {
  test("without a chat it says what to do next: create one here, or by code", async () => {
    await at.open();
    const { page } = at;
    await page.getByText("No chats yet.").waitFor();
    await page.getByRole("button", { name: "Do it in code" }).click();
    assert.match(await page.locator("#code-text").textContent(), /chats\.create/);
    await page.locator("#code-of").selectOption({ label: "Create a chat, in a shell" });
    assert.match(await page.locator("#code-text").textContent(), /^curl .*\/v1\/chats/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Create a chat" }).click();
    await page.getByLabel("To", { exact: true }).fill("Alice@Example.com");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await at.row("Alice").waitFor();
    assert.equal(await page.getByText("No chats yet.").isVisible(), false);
    assert.equal(await page.locator("#count").textContent(), "1");
    await page.getByText("No messages yet. Write the first one below.").waitFor();
    at.assertNoComplaints();
  });

  test("is newest first, and a chat moves up when a message comes, with its unread count", async () => {
    await at.people({ "alice@example.com": "one", "bob@example.com": "two", "carol@example.com": "three" });
    await at.open();
    await at.row("Carol").waitFor();
    await listed(["Carol", "Bob", "Alice"]);
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "again" });
    await at.row("again").waitFor();
    await listed(["Alice", "Carol", "Bob"]);
    await at.row("Alice").getByText("2 unread").waitFor();
    const time = at.row("Alice").locator("time");
    assert.match(await time.textContent(), /\d:\d\d/, "today shows the time");
    assert.match(await time.getAttribute("title"), /\b20\d\d\b/, "the title has all of it");
  });

  test("a chat of another day shows its date", async () => {
    await at.people({ "alice@example.com": "hello" });
    const { gateway } = at;
    // The page believes that it is three days later.
    await at.open({ timezoneId: "Europe/Paris", locale: "en-GB" });
    await at.page.clock.install({ time: Date.now() + 3 * 86_400_000 });
    await at.page.goto(`${gateway.address}/#token=${gateway.token}`);
    await at.page.reload();
    await at.page.clock.runFor(2_000);
    assert.match(await at.row("Alice").locator("time").textContent(), /^\d{1,2} \w{3}$/);
  });

  test("opening a chat marks it read, and so does what comes while it is open", async () => {
    await at.people({ "alice@example.com": "hello", "bob@example.com": "hi" });
    await at.open();
    await at.row("Alice").getByText("1 unread").waitFor();
    await at.openChat("Alice");
    await at.eventOf("chat.markedRead").waitFor();
    await at.row("Alice").getByText("unread").waitFor({ state: "detached" });
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "still there?" });
    await at.message("still there?").waitFor();
    await at.page.waitForFunction(() => document.querySelectorAll('#feed [data-type="chat.markedRead"]').length === 2);
    await at.row("Bob").getByText("1 unread").waitFor();
  });

  test("is searched by name, address and the last text", async () => {
    await at.people({ "alice@example.com": "coffee tomorrow", "bob@work.example": "the slides", "+12025550143": "call me" });
    await at.open();
    await at.row("Bob").waitFor();
    for (const [wanted, found] of [["ALI", ["Alice"]], ["work.example", ["Bob"]], ["slides", ["Bob"]], ["2025550143", ["+12025550143"]]]) {
      await at.page.getByLabel("Search chats").fill(wanted);
      await at.page.locator("#count", { hasText: "1 of 3" }).waitFor();
      await listed(found);
    }
    await at.page.getByLabel("Search chats").fill("nothing like it");
    await at.page.getByText("No chat has this in its name").waitFor();
    await at.page.keyboard.press("Escape");
    await at.page.locator("#count", { hasText: /^3$/ }).waitFor();
    await listed(["+12025550143", "Bob", "Alice"]);
  });

  test("a chat goes into the archive and comes back by itself", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.act("chats:archive", { chatGuid: ALICE });
    await at.row("Alice").waitFor({ state: "detached" });
    await at.page.getByRole("button", { name: "Archived", exact: true }).click();
    await at.row("Alice").waitFor();
    await at.act("chats:unarchive", { chatGuid: ALICE });
    await at.row("Alice").waitFor({ state: "detached" });
    await at.page.getByRole("button", { name: "Inbox", exact: true }).click();
    await at.row("Alice").waitFor();
    at.assertNoComplaints();
  });

  test("only the rows that changed are touched", async () => {
    await at.people({ "alice@example.com": "one", "bob@example.com": "two", "carol@example.com": "three" });
    await at.open();
    await at.row("Carol").waitFor();
    await at.page.evaluate(() => {
      globalThis.touched = new Set();
      const note = (records) => {
        for (const { target } of records) {
          const row = (target.closest ? target : target.parentElement)?.closest("#list button");
          if (row) globalThis.touched.add(row.dataset.guid);
        }
      };
      new MutationObserver(note).observe(document.getElementById("list"), { subtree: true, childList: true, characterData: true });
    });
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "again" });
    await at.row("again").waitFor();
    assert.deepEqual(await at.page.evaluate(() => [...globalThis.touched]), [ALICE]);
  });

  test("a chat's GUID can be copied", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.page.getByRole("button", { name: "Copy the chat's GUID" }).click();
    await at.page.getByText("The GUID is copied.").waitFor({ state: "attached" });
    assert.equal(await at.copied, ALICE);
  });

  test("a bad address is refused with its class, code and field, and nothing is created", async () => {
    await at.open();
    const { page, alert } = at;
    await page.getByRole("button", { name: "New chat" }).click();
    await page.getByLabel("To", { exact: true }).fill("alice@example.com, nonsense");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await alert.getByText("Creating the chat failed.").waitFor();
    assert.match(await alert.textContent(), /class: ValidationError.*code: invalidArgument.*field: addresses/s);
    assert.equal(await page.locator("#list button").count(), 0);
    await alert.getByRole("button", { name: "Dismiss" }).click();
    assert.equal(await alert.textContent(), "");
    assert.equal(await at.focused, "addresses", "the focus goes back to where one was");
  });
});
