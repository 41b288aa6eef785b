// A conversation: its history, and writing, answering, reacting, editing, taking back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ALICE, stage } from "./stage.mjs";

const at = stage();

/** What the service holds, past the page. */
async function held(chat = ALICE) {
  const [status, body] = await at.gateway.call("GET", `/v1/messages:listByChat?chatGuid=${encodeURIComponent(chat)}&pageSize=100`);
  assert.equal(status, 200);
  return body.messages;
}

describe("a conversation", () => {
  test("what is written is sent, and what is answered is seen, each once", async () => {
    await at.people({ "alice@example.com": "Coffee tomorrow?" });
    await at.open();
    await at.openChat("Alice");
    await at.message("Coffee tomorrow?").waitFor();
    await at.page.keyboard.type("Lovely, nine?");
    await at.page.keyboard.press("Enter");
    await at.message("Lovely, nine?").locator(".meta", { hasText: "Delivered" }).waitFor();
    await at.drafted("");
    await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "Nine it is" });
    await at.message("Nine it is").waitFor();
    await at.shows(".message .bubble", ["Coffee tomorrow?", "Lovely, nine?", "Nine it is"]);
    await at.act("messages:read", { chatGuid: ALICE, actor: "alice@example.com" });
    await at.message("Lovely, nine?").locator(".meta", { hasText: "Read" }).waitFor();
    assert.equal((await held()).length, 3);
    at.assertNoComplaints();
  });

  test("a reply names what it answers", async () => {
    await at.people({ "alice@example.com": "Where shall we meet?" });
    await at.open();
    await at.openChat("Alice");
    await at.choose("Where shall we meet?", "Reply");
    await at.page.getByText("Replying to: Where shall we meet?").waitFor();
    assert.equal(await at.focused, "draft");
    await at.send("At the old bridge");
    await at.message("At the old bridge").locator(".quoted", { hasText: "Where shall we meet?" }).waitFor();
    const [reply, first] = await held();
    assert.equal(reply.replyTargetGuid, first.guid);
    await at.page.locator("#about").waitFor({ state: "hidden" });
  });

  test("a reaction is put on and taken back", async () => {
    await at.people({ "alice@example.com": "I got the job" });
    await at.open();
    await at.openChat("Alice");
    await at.choose("I got the job", "love");
    await at.message("I got the job").locator(".reactions", { hasText: "by you" }).waitFor();
    await at.eventOf("message.reactionAdded").waitFor();
    await at.choose("I got the job", "love");
    await at.message("I got the job").locator(".reactions").waitFor({ state: "detached" });
    await at.eventOf("message.reactionRemoved").waitFor();
  });

  test("the menu of a message opens and closes by its button", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.message("hello").hover();
    const button = at.message("hello").getByRole("button", { name: /^Actions/ });
    await button.click();
    await at.page.getByRole("menu").waitFor();
    await button.click();
    await at.page.getByRole("menu").waitFor({ state: "hidden" });
    assert.equal(await button.getAttribute("aria-expanded"), null);
  });

  test("a message is edited and taken back, and Escape leaves an edit as it was", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.send("On Tusday");
    await at.page.locator("#draft").fill("a draft");
    await at.choose("On Tusday", "Edit");
    assert.equal(await at.page.locator("#draft").inputValue(), "On Tusday");
    await at.page.keyboard.press("Escape");
    assert.equal(await at.page.locator("#draft").inputValue(), "a draft");
    await at.choose("On Tusday", "Edit");
    await at.page.locator("#draft").fill("On Tuesday");
    await at.page.keyboard.press("Enter");
    await at.message("On Tuesday").locator(".meta", { hasText: "edited" }).waitFor();
    // The draft beside the edit is still there.
    await at.drafted("a draft");
    await at.choose("On Tuesday", "Unsend");
    await at.message("Message unsent").waitFor();
    assert.ok((await held()).some((message) => message.dateRetracted));
  });

  test("a file is sent with its name", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.page.locator("#attachment").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("some notes") });
    await at.page.getByText("notes.txt, 10 bytes").waitFor();
    await at.page.getByRole("button", { name: "Send", exact: true }).click();
    await at.message("notes.txt").waitFor();
    await at.page.locator("#attached").waitFor({ state: "hidden" });
    const [message] = await held();
    assert.equal(message.content.attachments[0].fileName, "notes.txt");
  });

  test("older messages come as one asks for them, and what one looks at stays where it is", async () => {
    await at.people({ "alice@example.com": "message 1" });
    for (let number = 2; number <= 130; number += 1) {
      await at.act("messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: `message ${number}` });
    }
    await at.open();
    await at.openChat("Alice");
    await at.message("message 130").waitFor();
    const end = await at.page.locator("#scroll").evaluate((scroll) => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight);
    assert.ok(end < 5, "it begins at the newest");
    for (;;) {
      if ((await at.page.locator(".bubble", { hasText: /^message 1$/ }).count()) > 0) break;
      const before = await at.page.locator(".message").count();
      await at.page.getByRole("button", { name: "Show older messages" }).click();
      await at.page.waitForFunction((count) => document.querySelectorAll(".message").length > count, before);
    }
    assert.equal(await at.page.locator(".message").count(), 130);
    const numbers = (await at.page.locator(".message .bubble").allTextContents()).map((text) => Number(text.split(" ")[1]));
    assert.deepEqual(numbers, Array.from({ length: 130 }, (_, index) => index + 1));
  });

  test("a draft waits in its chat", async () => {
    await at.people({ "alice@example.com": "hello", "bob@example.com": "hi" });
    await at.open();
    await at.openChat("Alice");
    await at.page.locator("#draft").fill("for Alice");
    await at.openChat("Bob");
    assert.equal(await at.page.locator("#draft").inputValue(), "");
    await at.openChat("Alice");
    assert.equal(await at.page.locator("#draft").inputValue(), "for Alice");
  });

  test("an answer that was begun waits in its chat, too, and so does a draft beside two edits", async () => {
    await at.people({ "alice@example.com": "hello", "bob@example.com": "hi" });
    await at.open();
    await at.openChat("Alice");
    const draft = at.page.locator("#draft");
    await at.choose("hello", "Reply");
    await draft.fill("half an answer");
    await at.openChat("Bob");
    await at.openChat("Alice");
    assert.equal(await draft.inputValue(), "half an answer");
    await draft.fill("");
    await at.send("One");
    await at.send("Two");
    await draft.fill("a draft");
    await at.choose("One", "Edit");
    await at.choose("Two", "Edit");
    assert.equal(await draft.inputValue(), "Two");
    await at.choose("hello", "Reply");
    assert.equal(await draft.inputValue(), "a draft");
  });

  test("what is written while a message is on its way stays", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    const { page } = at;
    const asked = page.waitForRequest(/\/v1\/messages:sendText/);
    const goOn = await at.hold(/\/v1\/messages:sendText/);
    await page.locator("#draft").fill("One");
    await page.keyboard.press("Enter");
    await asked;
    await page.locator("#draft").fill("Two");
    goOn();
    await page.getByText("Sent.", { exact: true }).waitFor({ state: "attached" });
    await at.message("One").waitFor();
    assert.equal(await page.locator("#draft").inputValue(), "Two");
  });

  test("a chat that is not read yet is not called by the name of the one before", async () => {
    await at.people(Object.fromEntries(Array.from({ length: 52 }, (_, index) => [`person${index}@example.com`, "hi"])));
    await at.open();
    const { page } = at;
    await at.openChat("Person51");
    const goOn = await at.hold(/\/v1\/chats:get\?/);
    // The first one is not in the part of the list that is read, but in the feed.
    await page.locator("#feed .meta", { hasText: /#\d/ }).first().waitFor();
    await page.locator("#feed-scroll").evaluate((scroll) => scroll.scrollTo(0, scroll.scrollHeight));
    await page.locator("#feed button[data-guid='any;-;person0@example.com']").click();
    await page.locator("#draft[placeholder='Message to person0@example.com']").waitFor();
    assert.equal(await page.locator("#detail-title").textContent(), "person0@example.com");
    goOn();
    await page.locator("#detail-title", { hasText: "Person0" }).waitFor();
  });

  test("after midnight the messages are no longer of today", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.page.clock.install();
    await at.page.reload();
    await at.openChat("Alice");
    await at.shows(".day", ["Today"]);
    await at.page.clock.fastForward(86_400_000);
    await at.page.locator(".day", { hasNotText: "Today" }).waitFor();
  });

  test("what the service refuses is said, and what was written is still there", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.page.locator("#draft").fill("x".repeat(20_001));
    await at.page.getByRole("button", { name: "Send", exact: true }).click();
    await at.alert.getByText("Sending failed.").waitFor();
    assert.equal((await at.page.locator("#draft").inputValue()).length, 20_001);
    assert.equal((await held()).length, 1);
  });
});
