// What one can do with a chat beside writing: its background, reading, typing, the group, and the others.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { sunset } from "../support/picture.mjs";
import { eventually } from "../support/until.mjs";
import { ALICE, stage } from "./stage.mjs";

const at = stage();
const picture = { name: "sunset.png", mimeType: "image/png", buffer: sunset(300, 200) };

/** What REST says, past the SDK and the page. */
async function backgroundPresent() {
  const [status, body] = await at.gateway.call("GET", `/v1/chats:hasBackground?chatGuid=${encodeURIComponent(ALICE)}`);
  assert.equal(status, 200);
  return body.backgroundPresent ?? false;
}

/** Waits until the browser shows a picture of this width. While another copy of it is put in its place, it cannot be decoded. */
const shows = (width) =>
  eventually(`a picture of ${width} pixels`, 15_000, () =>
    at.page.locator("#backdrop").evaluate((image, width) => image.decode().then(() => image.naturalWidth === width), width),
  );

describe("the details of a chat", () => {
  test("a background is looked at first, then set, seen behind the messages, and removed", async () => {
    await at.open();
    await at.createChat("alice@example.com", "Coffee tomorrow?");
    const { page } = at;
    await at.tab("Details").click();
    await page.locator("#file").setInputFiles(picture);
    await page.locator("#stage[data-background=chosen]").waitFor();
    await shows(300);
    assert.equal(await backgroundPresent(), false);
    await page.getByRole("button", { name: "Set background" }).click();
    await page.locator("#stage[data-background=set]").waitFor();
    await shows(300);
    assert.equal(await backgroundPresent(), true);
    await page.getByRole("button", { name: "Remove background" }).click();
    await page.locator("#stage[data-background=none]").waitFor();
    await at.tab("Events").click();
    await at.eventOf("chat.backgroundChanged").waitFor();
    await at.eventOf("chat.backgroundRemoved").waitFor();
    at.assertNoComplaints();
  });

  test("a background that somebody else sets is seen", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.act("chats:setBackground", { chatGuid: ALICE, data: sunset(40, 30).toString("base64"), actor: "alice@example.com" });
    await at.page.locator("#stage[data-background=set]").waitFor();
    await shows(40);
  });

  test("a background that is set while another chat is opened says nothing there", async () => {
    await at.people({ "alice@example.com": "hello", "bob@example.com": "hi" });
    await at.open();
    await at.openChat("Alice");
    await at.tab("Details").click();
    const { page } = at;
    const asked = page.waitForRequest(/\/v1\/chats:setBackground/);
    const goOn = await at.hold(/\/v1\/chats:setBackground/);
    await page.locator("#file").setInputFiles(picture);
    await page.getByRole("button", { name: "Set background" }).click();
    await asked;
    await at.openChat("Bob");
    assert.equal(await page.locator("#background-progress").isVisible(), false);
    goOn();
    await page.getByText("Background set.", { exact: true }).waitFor({ state: "attached" });
    assert.equal(await page.locator("#background-status").textContent(), "");
    assert.equal(await at.focused, "draft");
    await at.openChat("Alice");
    await page.locator("#stage[data-background=set]").waitFor();
  });

  test("a file that is no picture is refused by the server, and nothing changes", async () => {
    await at.open();
    await at.createChat("alice@example.com");
    await at.tab("Details").click();
    await at.page.locator("#file").setInputFiles({ name: "a.gif", mimeType: "image/gif", buffer: Buffer.from("GIF89a, or so it says") });
    await at.page.getByRole("button", { name: "Set background" }).click();
    await at.alert.getByText("Setting the background failed.").waitFor();
    assert.match(await at.alert.textContent(), /ValidationError/);
    assert.equal(await backgroundPresent(), false);
  });

  test("typing is shown to the others, and no longer when it is switched off", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    await at.tab("Details").click();
    const typing = async () => (await at.gateway.call("GET", "/emulator/v1/chats"))[1].chats[0].typing ?? [];
    await at.page.getByRole("switch", { name: "Typing" }).click();
    await at.page.locator("#typing[aria-checked=true]").waitFor();
    assert.deepEqual(await typing(), ["me@example.com"]);
    await at.page.getByRole("switch", { name: "Typing" }).click();
    await at.page.locator("#typing[aria-checked=false]").waitFor();
    assert.deepEqual(await typing(), []);
    // What is sent ends it, as in Messages.
    await at.page.getByRole("switch", { name: "Typing" }).click();
    await at.page.getByText("You are shown as typing").waitFor();
    await at.send("here I am");
    await at.page.getByText("You are shown as typing").waitFor({ state: "hidden" });
    assert.deepEqual(await typing(), []);
  });

  test("a group is renamed, and people are added and removed", async () => {
    await at.people({ "alice@example.com,bob@example.com": "hi" });
    await at.open();
    await at.openChat("alice@example.com, bob@example.com");
    await at.tab("Details").click();
    const { page } = at;
    await page.getByLabel("Name of the group").fill("Trip to Rome");
    await page.getByRole("button", { name: "Rename" }).click();
    await page.locator("#detail-title", { hasText: "Trip to Rome" }).waitFor();
    await page.getByLabel("Who to add or remove").fill("carol@example.com");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.locator("#people", { hasText: "carol@example.com" }).waitFor();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.locator("#people", { hasText: /^((?!carol).)*$/ }).waitFor();
    await at.row("Trip to Rome").waitFor();
  });

  test("the others are played: a message, a reaction, a receipt, a poll, the archive", async () => {
    await at.people({ "alice@example.com": "hello" });
    await at.open();
    await at.openChat("Alice");
    const { page } = at;
    await at.send("Are you there?");
    await at.tab("The others").click();
    await page.getByRole("button", { name: "Read my messages" }).click();
    await at.message("Are you there?").locator(".meta", { hasText: "Read" }).waitFor();
    await page.getByRole("button", { name: "Love the last message" }).click();
    await at.message("Are you there?").locator(".reactions", { hasText: "alice@example.com" }).waitFor();
    await page.getByPlaceholder("Hello!").fill("I am");
    await page.getByRole("button", { name: "Receive" }).click();
    await at.message("I am").waitFor();
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("button", { name: "Unarchive" }).waitFor();
    await page.locator("#people", { hasText: "archived" }).waitFor();
    await page.getByRole("button", { name: "Send a poll" }).click();
    await at.tab("Events").click();
    await page.locator("#feed .what", { hasText: "poll “Lunch?”" }).waitFor();
    at.assertNoComplaints();
  });
});
