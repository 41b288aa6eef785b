// The console as a person uses it: the real binary, the built package, Chromium.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { sunset } from "../support/picture.mjs";

const ALICE = "any;-;alice@example.com";
const picture = { name: "sunset.png", mimeType: "image/png", buffer: sunset(300, 200) };

let browser;
let gateway;
let page;
let complaints;
let close;

before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(async () => {
  await close?.();
  close = undefined;
  await gateway.stop();
  await rm(gateway.data, { recursive: true, force: true });
});

/** Opens the page as `cargo xtask start` tells a person to. */
async function open(options) {
  ({ page, complaints, close } = await openPage(browser, options));
  await page.goto(`${gateway.address}/#token=${gateway.token}`);
  await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
}

async function createChat(addresses, message) {
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByLabel("To", { exact: true }).fill(addresses);
  if (message) await page.getByLabel("First message").fill(message);
  await page.getByRole("button", { name: "Create" }).click();
  await page.locator("#detail").waitFor();
}

const eventOf = (type) => page.locator(`#feed [data-type="${type}"]`);
const detail = (term) => page.locator(`#details-list dt:text-is("${term}") + dd`);
const chatInList = (name) => page.locator("#list button", { hasText: name });

describe("the console", () => {
  test("how far the page is behind is shown while it is live, and gone once it is not behind", async () => {
    await open();
    await createChat("alice@example.com");
    await page.locator("#state-text", { hasText: /^live$/ }).waitFor();
    const [status] = await gateway.call("POST", "/emulator/v1/events:generate", { count: 100 });
    assert.equal(status, 200);
    await page.locator("#state-text", { hasText: /^live, [1-9]\d* behind$/ }).waitFor();
    await page.locator("#state-text", { hasText: /^live$/ }).waitFor({ timeout: 60_000 });
    assert.deepEqual(complaints, []);
  });

  test("create, background, message, read, archive: each is seen as it happens", async () => {
    await open();
    assert.equal(await page.locator("#list-empty").isVisible(), true);

    await createChat("Alice@Example.com", "Coffee tomorrow?");
    assert.equal(await page.locator("#detail-guid").textContent(), ALICE);
    assert.equal(await detail("Last message").textContent(), "Coffee tomorrow?");
    assert.equal(await page.locator("#count").textContent(), "1");

    // A background: first a preview that nobody else sees, then set, with its event.
    await page.locator("#file").setInputFiles(picture);
    await page.locator("#phone[data-background=chosen]").waitFor();
    assert.equal(await shownWidth(), 300);
    assert.equal((await hasBackground()).backgroundPresent ?? false, false);
    await page.getByRole("button", { name: "Set background" }).click();
    await eventOf("chat.backgroundChanged").waitFor();
    await page.locator("#phone[data-background=set]").waitFor();
    assert.equal(await shownWidth(), 300);
    assert.equal((await hasBackground()).backgroundPresent, true);

    // A message from the other side raises the unread count; marking read is an event and takes it away.
    await page.getByPlaceholder("Hello!").fill("Lovely, nine?");
    await page.getByRole("button", { name: "Receive" }).click();
    await page.getByLabel("1 unread").waitFor();
    assert.equal(await detail("Unread").textContent(), "1");
    assert.equal(await detail("Last message").textContent(), "Lovely, nine?");
    await page.getByRole("button", { name: "Mark read" }).click();
    await eventOf("chat.markedRead").waitFor();
    await page.locator("#details-list dd", { hasText: /^0$/ }).waitFor();

    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await eventOf("chat.archived").waitFor();
    await page.locator("#count", { hasText: "0 + 1 archived" }).waitFor();
    await page.getByRole("button", { name: "Unarchive" }).click();
    await eventOf("chat.unarchived").waitFor();

    await page.getByRole("button", { name: "Remove background" }).click();
    await eventOf("chat.backgroundRemoved").waitFor();
    await page.locator("#phone[data-background=none]").waitFor();

    // Newest first, each once, in the order of the log.
    const sequences = (await page.locator("#feed .meta").allTextContents()).map((text) => Number(/#(\d+)/.exec(text)[1]));
    assert.equal(sequences.length, 5);
    assert.deepEqual(sequences, [...new Set(sequences)].sort((one, other) => other - one));
    assert.deepEqual(complaints, []);
  });

  test("what others do is seen without touching the page", async () => {
    await open();
    await createChat("alice@example.com");
    const [status] = await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: ALICE });
    assert.equal(status, 200);
    await eventOf("chat.archived").waitFor();
    await page.locator("#detail-tags", { hasText: "archived" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("a server that dies and comes back is seen, and what happened meanwhile too", async () => {
    await open();
    await createChat("alice@example.com");
    await page.locator("#state[data-state=live]").waitFor();
    const { address, data, token } = gateway;
    await gateway.kill();
    await page.locator("#state[data-state=reconnecting], #state[data-state=offline]").waitFor();
    assert.match((await page.locator("#state").getAttribute("title")) ?? "", /\(networkError\)/);
    // Where the page does not look, so that all of it happens while the page is away.
    const elsewhere = await startGateway({ data, token });
    await elsewhere.call("POST", "/emulator/v1/chats:archive", { chatGuid: ALICE });
    // No chat event tells of a message: the page has to look again by itself.
    await elsewhere.call("POST", "/v1/chats", { addresses: ["bob@example.com"], initialMessage: { text: "made meanwhile" } });
    await elsewhere.stop();
    gateway = await startGateway({ data, token, listen: new URL(address).host });
    await page.locator("#state[data-state=live]").waitFor();
    await eventOf("chat.archived").waitFor();
    assert.equal(await page.locator("#feed li").count(), 1);
    await chatInList("made meanwhile").waitFor();
    await page.locator("#detail-tags", { hasText: "archived" }).waitFor();
  });

  test("the token leaves the address bar, stays in the tab, and goes when asked", async () => {
    await open();
    assert.equal(await page.evaluate(() => location.hash), "");
    assert.equal((await page.content()).includes(gateway.token), false);
    await page.reload();
    await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("heading", { name: "Connect" }).waitFor();
    await page.reload();
    assert.equal(await page.getByLabel("Token", { exact: true }).isVisible(), true);
    assert.deepEqual(complaints, []);
  });

  test("a wrong token is said in words, and the right one still works", async () => {
    ({ page, complaints, close } = await openPage(browser));
    await page.goto(gateway.address);
    const alert = page.getByRole("alert");
    // One that cannot travel in a header is refused before anything is sent.
    await page.getByLabel("Token", { exact: true }).fill("not a token");
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.getByText("Connecting failed.").waitFor();
    assert.match(await alert.textContent(), /ValidationError.*token/s);
    await page.getByLabel("Token", { exact: true }).fill("not-the-token");
    await page.getByRole("button", { name: "Connect" }).click();
    await alert.getByText("AuthenticationError").waitFor();
    assert.match(await alert.textContent(), /AuthenticationError.*unauthenticated/s);
    assert.equal(await page.evaluate(() => document.activeElement.id), "token");
    await page.getByLabel("Token", { exact: true }).fill(gateway.token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
    assert.equal(await alert.textContent(), "");
  });

  test("a bad address is refused with its class, code and field, and nothing is created", async () => {
    await open();
    await page.getByRole("button", { name: "New chat" }).click();
    await page.getByLabel("To", { exact: true }).fill("alice@example.com, nonsense");
    await page.getByRole("button", { name: "Create" }).click();
    const alert = page.getByRole("alert");
    await alert.getByText("Creating the chat failed.").waitFor();
    assert.match(await alert.textContent(), /class: ValidationError.*code: invalidArgument.*field: addresses/s);
    assert.equal(await page.locator("#list button").count(), 0);
    await alert.getByRole("button", { name: "Dismiss" }).click();
    assert.equal(await alert.textContent(), "");
  });

  test("a file that is no picture is refused by the server, and the old background stays", async () => {
    await open();
    await createChat("alice@example.com");
    await page.locator("#file").setInputFiles({ name: "a.gif", mimeType: "image/gif", buffer: Buffer.from("GIF89a, or so it says") });
    await page.getByRole("button", { name: "Set background" }).click();
    await page.getByRole("alert").getByText("Setting the background failed.").waitFor();
    assert.match(await page.getByRole("alert").textContent(), /ValidationError/);
    assert.equal((await hasBackground()).backgroundPresent ?? false, false);
    assert.equal(await eventOf("chat.backgroundChanged").count(), 0);
  });

  test("everything can be done with the keyboard alone", async () => {
    await open();
    await tabTo("New chat");
    await page.keyboard.press("Enter");
    await page.keyboard.type("bob@example.com");
    await page.keyboard.press("Enter");
    await page.locator("#detail").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail-title");

    await tabTo("Typing");
    await page.keyboard.press("Space");
    await page.locator("#typing[aria-checked=true]").waitFor();
    await tabTo("Receive");
    await page.keyboard.press("Enter");
    await page.getByLabel("1 unread").waitFor();
    await tabTo("Mark read", "Shift+Tab");
    await page.keyboard.press("Enter");
    await eventOf("chat.markedRead").waitFor();
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");

    // The list by arrows, from one chat to the next.
    await tabTo("New chat", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.type("carol@example.com");
    await page.keyboard.press("Enter");
    await page.locator("#detail-guid", { hasText: "carol" }).waitFor();
    await chatInList("bob").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.locator("#detail-guid", { hasText: "bob" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("a phone shows one view at a time, and nothing runs over its edge", async () => {
    await open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    const message = "A rather long opening message, as people write them, to see where it goes.";
    await createChat("a.person.with.a.very.long.name@mail.example.com, +12025550143", message);
    const tabs = page.getByRole("navigation", { name: "Views" });
    for (const view of ["Details", "Events", "Chats"]) {
      await tabs.getByRole("button", { name: view }).tap();
      const panes = await page.locator(".pane").evaluateAll((all) => all.filter((pane) => pane.checkVisibility()).length);
      assert.equal(panes, 1, view);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${view} is ${overflow} px too wide`);
      const inside = await page.evaluate(() => document.querySelector("main").scrollWidth - document.querySelector("main").clientWidth);
      assert.ok(inside <= 0, `${view} is ${inside} px wider than its room`);
    }
    assert.deepEqual(complaints, []);
  });
});

/** What REST says, past the SDK and the page. */
async function hasBackground() {
  const [status, body] = await gateway.call("GET", `/v1/chats:hasBackground?chatGuid=${encodeURIComponent(ALICE)}`);
  assert.equal(status, 200);
  return body;
}

/** Width of the picture as the browser decoded it: 0 when it could not. */
const shownWidth = () => page.locator("#backdrop").evaluate((image) => image.decode().then(() => image.naturalWidth));

/** Presses Tab until the control with this name has the focus. */
async function tabTo(name, key = "Tab") {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => document.activeElement?.textContent?.trim());
    if (focused === name) return;
  }
  assert.fail(`Tab never reached ${name}`);
}
