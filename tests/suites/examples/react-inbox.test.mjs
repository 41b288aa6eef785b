// examples/react-inbox in Chromium, as its README says: built by Vite, and served by Vite, whose process has the operator's token.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { installExample, startProgram } from "../support/example.mjs";
import { startGateway } from "../support/gateway.mjs";
import { peopleOf } from "../support/people.mjs";
import { eventually } from "../support/until.mjs";

const ALICE = "any;-;alice@example.com";
const BOB = "any;-;bob@example.com";

let example;
let browser;
before(async () => {
  example = await installExample("react-inbox");
  browser = await launchBrowser();
  await example.run("npm", ["run", "build"]);
});
after(async () => {
  await browser?.close();
  await example?.remove();
});

let gateway;
let people;
let site;
beforeEach(async () => {
  gateway = await startGateway();
  people = peopleOf(gateway);
  const env = { ...process.env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token, NO_COLOR: "1" };
  const arguments_ = ["run", "preview", "--", "--host", "127.0.0.1", "--port", "0"];
  site = await startProgram("npm", arguments_, { cwd: example.folder, env, ready: /Local:\s+(http:\S+)/ });
});
afterEach(async () => {
  await site?.stop();
  await gateway?.stop();
});

/** The page, live, for `use`. Its console stays silent. */
async function inbox(use, { viewport, expected = () => false } = {}) {
  const { page, complaints, close } = await openPage(browser, viewport && { viewport });
  try {
    await page.goto(site.match[1]);
    await page.getByRole("status").getByText("live").waitFor();
    await use(page);
    assert.deepEqual(complaints.filter((complaint) => !expected(complaint)), []);
  } finally {
    await close();
  }
}

const chat = async (address) => assert.equal((await gateway.call("POST", "/v1/chats", { addresses: [address] }))[0], 200);
const rows = (page) => page.getByRole("navigation").getByRole("listitem");
const bubbles = (page) => page.getByRole("log").getByRole("listitem");

/** The texts of a list, once they are as wanted: it changes at most once a frame. */
async function shows(locator, wanted) {
  await eventually(`${wanted}`, 15_000, async () => {
    const texts = await locator.allTextContents();
    return texts.length === wanted.length && texts.every((text, index) => wanted[index].test(text));
  }).catch(async (error) => assert.fail(`${error.message}; it shows ${JSON.stringify(await locator.allTextContents())}`));
}

async function send(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

test("an empty inbox says what to do; a chat is begun, and both sides are live", () =>
  inbox(async (page) => {
    await page.getByText("No chats yet.").waitFor();
    await page.getByLabel("To").fill("alice@example.com");
    await page.getByRole("button", { name: "Write" }).click();
    await page.getByRole("heading", { name: "alice", exact: false }).waitFor();
    await send(page, "Hello!");
    await shows(bubbles(page), [/^Hello!/]);
    // The event of the message may come before the answer to the send.
    await eventually("the field is empty", 15_000, async () => (await page.getByLabel("Message", { exact: true }).inputValue()) === "");
    await people.says(ALICE, "alice@example.com", "Hi, who is it?");
    await shows(bubbles(page), [/^Hello!/, /^Hi, who is it\?/]);
    await shows(rows(page), [/Hi, who is it\?/]);
  }));

test("the chat with the newest message is first, unread until it is opened", async () => {
  await chat("alice@example.com");
  await chat("bob@example.com");
  await inbox(async (page) => {
    await people.says(ALICE, "alice@example.com", "One");
    await people.says(BOB, "bob@example.com", "Two");
    await shows(rows(page), [/Two1$/, /One1$/]);
    await people.says(ALICE, "alice@example.com", "Three");
    await shows(rows(page), [/Three2$/, /Two1$/]);
    await rows(page).first().getByRole("button").click();
    await shows(bubbles(page), [/^One/, /^Three/]);
    await shows(rows(page), [/Three$/, /Two1$/]);
  });
});

test("what is edited and unsent changes where it stands", async () => {
  await chat("alice@example.com");
  const first = await people.says(ALICE, "alice@example.com", "Fisrt");
  const second = await people.says(ALICE, "alice@example.com", "Second");
  await inbox(async (page) => {
    await rows(page).first().getByRole("button").click();
    await shows(bubbles(page), [/^Fisrt/, /^Second/]);
    await people.edits(ALICE, "alice@example.com", first.guid, "First");
    await people.unsends(ALICE, "alice@example.com", second.guid);
    await shows(bubbles(page), [/^First.*edited$/, /^unsent/]);
  });
});

test("a server that dies and comes back: the page says so, and shows what came in between", async () => {
  await chat("alice@example.com");
  // A browser writes a line for each connection that fails.
  const expected = (complaint) => /WebSocket connection|Failed to load resource/.test(complaint);
  await inbox(
    async (page) => {
      await people.says(ALICE, "alice@example.com", "Before");
      await rows(page).first().getByRole("button").click();
      await shows(bubbles(page), [/^Before/]);
      await gateway.kill();
      await page.getByRole("status").getByText("reconnecting").waitFor();
      gateway = await startGateway({ data: gateway.data, token: gateway.token, listen: new URL(gateway.address).host });
      await peopleOf(gateway).says(ALICE, "alice@example.com", "Meanwhile");
      await page.getByRole("status").getByText("live").waitFor({ timeout: 60_000 });
      await shows(bubbles(page), [/^Before/, /^Meanwhile/]);
    },
    { expected },
  );
});

test("a message that cannot be sent stays in its field, and the page says why", async () => {
  await chat("alice@example.com");
  await inbox(
    async (page) => {
      await people.says(ALICE, "alice@example.com", "Hello");
      await rows(page).first().getByRole("button").click();
      await page.route("**/v1/messages:sendText", (route) => route.fulfill({ status: 403, json: { error: { code: "recipientLocked", message: "nobody may write to alice" } } }));
      await send(page, "Are you there?");
      await page.getByRole("alert").waitFor();
      assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "Are you there?");
      await page.unroute("**/v1/messages:sendText");
      await page.getByRole("button", { name: "Send" }).click();
      await shows(bubbles(page), [/^Hello/, /^Are you there\?/]);
      assert.equal(await page.getByRole("alert").count(), 0);
    },
    { expected: (complaint) => /Failed to load resource/.test(complaint) },
  );
});

test("on a phone there is the list or the conversation", async () => {
  await chat("alice@example.com");
  await people.says(ALICE, "alice@example.com", "Hello");
  await inbox(
    async (page) => {
      await rows(page).first().getByRole("button").click();
      await shows(bubbles(page), [/^Hello/]);
      assert.equal(await page.getByRole("heading", { name: "Inbox" }).isVisible(), false);
      await page.getByRole("button", { name: "Back to the chats" }).click();
      await page.getByRole("heading", { name: "Inbox" }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    },
    { viewport: { width: 390, height: 844 } },
  );
});

test("the operator's token never reaches the page; without one the page says what is missing", async () => {
  const bodies = [];
  const { page, close } = await openPage(browser);
  try {
    page.on("response", (response) => bodies.push(response.text().catch(() => "")));
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => bodies.push(`${payload}`)));
    page.on("request", (request) => bodies.push(request.headers().authorization ?? ""));
    await page.goto(site.match[1]);
    await page.getByRole("status").getByText("live").waitFor();
    const all = await Promise.all(bodies);
    assert.ok(all.some((body) => body.includes("Bearer ")), "nothing was asked for with a token");
    assert.deepEqual(all.filter((body) => body.includes(gateway.token)), []);
    await site.stop();
    const env = { ...process.env, IM_CHATS_TOKEN: "", NO_COLOR: "1" };
    site = await startProgram("npm", ["run", "preview", "--", "--host", "127.0.0.1", "--port", "0"], { cwd: example.folder, env, ready: /Local:\s+(http:\S+)/ });
    await page.goto(site.match[1]);
    await page.getByRole("alert").getByText("token: expected a token").waitFor();
  } finally {
    await close();
  }
});
