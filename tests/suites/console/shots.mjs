// Pictures of the running console: `node shots.mjs FOR-THE-README FOLDER-FOR-THE-EYE`.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway, startRelay } from "../support/gateway.mjs";
import { sunset } from "../support/picture.mjs";
import { eventually } from "../support/until.mjs";

const [readme, folder] = process.argv.slice(2);
const wide = { viewport: { width: 1280, height: 800 } };
const narrow = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const SIZES = { wide, "wide-dark": { ...wide, colorScheme: "dark" }, tablet: { viewport: { width: 900, height: 1000 } }, narrow, "narrow-dark": { ...narrow, colorScheme: "dark" } };
const ALICE = "any;-;alice@example.com";

await mkdir(folder, { recursive: true });
const browser = await launchBrowser();
const many = await startGateway();
for (let index = 0; index < 200; index += 1) await receive(many, [`person${index}@example.com`], `Message ${index}: see you on Saturday`);
await receive(many, [`person7@example.com`], "Are you there?");
for (const [name, options] of Object.entries(SIZES)) {
  const empty = await startGateway();
  await take(empty, `${name}-0`, options, nothing);
  await empty.stop();
  await take(many, `${name}-200`, options, full);
}
// The story changes its chats: each picture has a gateway of its own.
for (const [name, options] of Object.entries(SIZES)) {
  const gateway = await startGateway();
  await receive(gateway, ["bob@example.com"], "Are you coming on Saturday?");
  await receive(gateway, ["carol@example.com", "dave@example.com"], "The slides are up");
  await take(gateway, `${name}-3`, options, story);
  await gateway.stop();
}
await receive(many, ["alice@example.com"], "This is a real account, as far as the page knows");
const relay = await startRelay(many);
await eventually("the relay is connected", 20_000, async () => (await fetch(`${relay.address}/healthz`)).ok);
for (const [name, options] of Object.entries(SIZES)) await take(relay, `${name}-relay`, options, real);
await relay.stop();
await many.stop();
await browser.close();

/** Opens the page, tells a story, and says what the page complained about. */
async function take(gateway, name, options, tell) {
  const { page, complaints, close } = await openPage(browser, options);
  const shot = (what) => page.screenshot({ path: join(folder, `${name}-${what}.png`), animations: "disabled" });
  await tell({ page, gateway, shot, name });
  await close();
  console.log(`${name}: ${complaints.length === 0 ? "no complaints" : complaints.join("\n")}`);
}

async function open({ page, gateway }) {
  await page.goto(`${gateway.address}/#token=${gateway.token}`);
  await page.getByRole("heading", { name: "Chats", exact: true }).waitFor();
}

async function nothing(at) {
  const { page, gateway, shot } = at;
  await page.goto(gateway.address);
  await shot("connect");
  await page.locator("#token").fill("not-the-token");
  await page.keyboard.press("Enter");
  await page.locator(".alert").waitFor();
  await shot("wrong-token");
  await open(at);
  await page.reload();
  await page.getByText("No chats yet.").waitFor();
  await shot("chats");
  await page.getByRole("button", { name: "Do it in code" }).click();
  await shot("code");
}

async function full(at) {
  await open(at);
  const { page, shot } = at;
  await page.locator("#list button").first().waitFor();
  await shot("chats");
  await page.locator("#search").fill("person7@");
  await page.locator("#count", { hasText: "1 of" }).waitFor();
  await shot("search");
  await page.locator("#list button").first().click();
  await page.locator(".message").first().waitFor();
  await shot("conversation");
}

async function story(at) {
  await open(at);
  const { page, gateway, shot, name } = at;
  await page.locator("#list button").first().waitFor();
  await page.locator("#new").click();
  await page.locator("#addresses").fill("alice@example.com");
  await page.locator("#message").fill("Coffee tomorrow?");
  await shot("new");
  await page.locator("#create [type=submit]").click();
  await page.locator(".message", { hasText: "Coffee tomorrow?" }).waitFor();
  await act(gateway, "chats:setBackground", { chatGuid: ALICE, data: sunset().toString("base64") });
  await page.locator("#stage[data-background=set]").waitFor();
  await act(gateway, "messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "Lovely, nine?" });
  await page.locator(".message", { hasText: "Lovely" }).waitFor();
  await page.locator("#draft").fill("At the usual place. I bring the photos of the trip.");
  await page.keyboard.press("Enter");
  await page.locator(".message", { hasText: "usual place" }).waitFor();
  const mine = await page.locator(".message.mine").last().getAttribute("data-guid");
  await act(gateway, "messages:react", { chatGuid: ALICE, messageGuid: mine, actor: "alice@example.com", kind: "love" });
  await act(gateway, "messages:receive", { chatGuid: ALICE, from: "alice@example.com", text: "Perfect!", replyTo: { messageGuid: mine } });
  await act(gateway, "messages:read", { chatGuid: ALICE, actor: "alice@example.com" });
  await page.locator(".reactions").waitFor();
  await page.locator(".message", { hasText: "Perfect!" }).waitFor();
  await page.mouse.move(0, 0);
  await page.locator("#feed [data-type='message.read']").first().waitFor({ state: "attached" });
  await shot("story");
  if (name === "wide-3") await page.screenshot({ path: readme, animations: "disabled" });
  await page.locator(".more-of").last().click();
  await shot("menu");
  await page.getByRole("menuitem", { name: "As code" }).click();
  await shot("code");
  await page.keyboard.press("Escape");
  if (await page.locator("#to-details").isVisible()) await page.locator("#to-details").click();
  for (const tab of ["Details", "The others", "Events"]) {
    await page.getByRole("tab", { name: tab }).click();
    await shot(tab.toLowerCase().replace(" ", "-"));
  }
}

async function real(at) {
  await open(at);
  const { page, shot } = at;
  await page.locator("#list button").first().waitFor();
  await shot("chats");
  await page.locator("#list button").first().click();
  await page.locator(".message").first().waitFor();
  await page.locator("#draft").fill("Hello!");
  await page.keyboard.press("Enter");
  await page.locator("#warning").waitFor();
  await shot("warning");
}

async function receive(gateway, addresses, text) {
  const [status, { chat }] = await gateway.call("POST", "/v1/chats", { addresses, service: "CHAT_SERVICE_TYPE_IMESSAGE" });
  if (status !== 200) throw new Error(`creating a chat: ${status}`);
  await act(gateway, "messages:receive", { chatGuid: chat.guid, from: addresses[0], text });
}

async function act(gateway, path, body) {
  const [status, answer] = await gateway.call("POST", `/emulator/v1/${path}`, body);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
  return answer;
}
