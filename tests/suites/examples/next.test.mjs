// examples/next in Chromium, as its README says: built and served by Next.js, whose process has the operator's token.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { installExample, startProgram } from "../support/example.mjs";
import { startGateway } from "../support/gateway.mjs";
import { peopleOf } from "../support/people.mjs";
import { eventually } from "../support/until.mjs";

let example;
let browser;
let gateway;
let site;
let people;
before(async () => {
  example = await installExample("next");
  browser = await launchBrowser();
  gateway = await startGateway();
  people = peopleOf(gateway);
  const env = { ...process.env, NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };
  // A build knows no token.
  await example.run("npm", ["run", "build"], { env: { ...env, IM_CHATS_TOKEN: "" } });
  const start = ["run", "start", "--", "--hostname", "127.0.0.1", "--port", "0"];
  site = await startProgram("npm", start, {
    cwd: example.folder,
    env: { ...env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token },
    ready: /Local:\s+(http:\S+)/,
  });
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await gateway?.stop();
  await example?.remove();
});

/** Somebody of whom no other test knows, and the chat with them. */
let somebody;
let chat;
let count = 0;
beforeEach(async () => {
  somebody = `person${(count += 1)}@example.com`;
  chat = `any;-;${somebody}`;
  assert.equal((await gateway.call("POST", "/v1/chats", { addresses: [somebody] }))[0], 200);
});

const pageOf = (guid) => new URL(`/chats/${encodeURIComponent(guid)}`, site.match[1]).href;
const bubble = (page, text) => page.getByLabel("Messages").getByRole("listitem").filter({ hasText: text });
const live = (page) => page.getByRole("status").getByText("live").waitFor();

async function onPage(url, use, options) {
  const { page, complaints, close } = await openPage(browser, options);
  try {
    await page.goto(url);
    await use(page);
    assert.deepEqual(complaints, []);
  } finally {
    await close();
  }
}

async function send(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

test("the messages are in the HTML that the server sends", async () => {
  await people.says(chat, somebody, "From before");
  const html = await (await fetch(pageOf(chat))).text();
  assert.match(html, /<li class="theirs">From before<\/li>/);
  assert.ok(!html.includes(gateway.token));
});

test("what is sent by the action and what others say comes live, each once", () =>
  onPage(pageOf(chat), async (page) => {
    await live(page);
    await send(page, "Hello!");
    await bubble(page, "Hello!").waitFor();
    // The event of the message may come before the answer of the action.
    await eventually("the field is empty", 15_000, async () => (await page.getByLabel("Message", { exact: true }).inputValue()) === "");
    await people.says(chat, somebody, "Hi, who is it?");
    await bubble(page, "Hi, who is it?").waitFor();
    assert.deepEqual(await page.getByLabel("Messages").getByRole("listitem").allTextContents(), ["Hello!", "Hi, who is it?"]);
  }));

test("from the list of chats to a chat, and to one that begins", async () => {
  await people.says(chat, somebody, "Look here");
  await onPage(site.match[1], async (page) => {
    await page.getByText("Look here").waitFor();
    await page.getByRole("link", { name: /^Person/ }).first().click();
    await bubble(page, "Look here").waitFor();
    await page.getByRole("link", { name: "‹ Chats" }).click();
    await page.getByLabel("To: an address").fill("someone-new@example.com");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("heading", { name: "Someone New" }).waitFor();
    await live(page);
  });
});

test("without JavaScript the page reads and sends, too", () =>
  onPage(
    pageOf(chat),
    async (page) => {
      await send(page, "In plain HTML");
      await bubble(page, "In plain HTML").waitFor();
    },
    { javaScriptEnabled: false },
  ));

test("what cannot be sent stays in its field, and the page says why", () =>
  onPage(pageOf(chat), async (page) => {
    await live(page);
    await send(page, "   ");
    await page.getByRole("alert").getByText(/^text: /).waitFor();
    assert.equal(await page.getByLabel("Message", { exact: true }).inputValue(), "   ");
    await send(page, "A text");
    await bubble(page, "A text").waitFor();
  }));

test("an address that is none is refused in words", () =>
  onPage(site.match[1], async (page) => {
    await page.getByLabel("To: an address").fill("nobody");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("alert").getByText(/addresses/).waitFor();
  }));

test("a chat that is not there is a page of its own", async () => {
  assert.equal((await fetch(pageOf("any;-;nobody@example.com"))).status, 404);
});

test("a page's token reads its chat, and does nothing else; the operator's token never reaches the browser", async () => {
  const bodies = [];
  await onPage(pageOf(chat), async (page) => {
    page.on("response", (response) => bodies.push(response.text().catch(() => "")));
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => bodies.push(`${payload}`)));
    page.on("request", (request) => bodies.push(request.headers().authorization ?? ""));
    await page.reload();
    await live(page);
    await send(page, "A secret");
    await bubble(page, "A secret").waitFor();
  });
  const all = await Promise.all(bodies);
  assert.ok(all.some((body) => body.includes("Bearer ")), "nothing was asked for with a token");
  assert.deepEqual(all.filter((body) => body.includes(gateway.token)), []);

  const answer = await fetch(new URL("/api/token", site.match[1]), { method: "POST", body: JSON.stringify({ chat }) });
  const authorization = `Bearer ${await answer.text()}`;
  const ask = (path, options) => fetch(new URL(path, gateway.address), { ...options, headers: { authorization, "content-type": "application/json" } });
  const list = (guid) => ask(`/v1/messages:listByChat?chatGuid=${encodeURIComponent(guid)}`);
  assert.equal((await list(chat)).status, 200);
  assert.equal((await list("any;-;person1@example.com")).status, 403);
  const body = JSON.stringify({ chatGuid: chat, text: "Not by me" });
  assert.equal((await ask("/v1/messages:sendText", { method: "POST", body })).status, 403);
});

test("a token is for a chat that is named", async () => {
  for (const body of ["", "{}", '{"chat":1}', '{"chat":""}']) {
    const { status } = await fetch(new URL("/api/token", site.match[1]), { method: "POST", body });
    assert.ok(status === 400 || status === 403, `${body}: ${status}`);
  }
});
