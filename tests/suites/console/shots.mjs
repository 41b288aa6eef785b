// Pictures of the running console: `node shots.mjs FOR-THE-README FOLDER-FOR-THE-EYE`.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { sunset } from "../support/picture.mjs";

const [readme, folder] = process.argv.slice(2);
const SIZES = {
  desktop: { viewport: { width: 1200, height: 760 } },
  dark: { viewport: { width: 1200, height: 760 }, colorScheme: "dark" },
  tablet: { viewport: { width: 900, height: 1000 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

await mkdir(folder, { recursive: true });
const browser = await launchBrowser();
for (const [name, options] of Object.entries(SIZES)) {
  const gateway = await startGateway();
  await people(gateway);
  const { page, complaints, close } = await openPage(browser, options);
  const shot = (what) => page.screenshot({ path: join(folder, `${name}-${what}.png`), animations: "disabled" });
  await page.goto(gateway.address);
  await shot("connect");
  await page.goto(`${gateway.address}/#token=${gateway.token}`);
  await page.locator("#list button").first().waitFor();
  await shot("chats");
  await story(page, gateway);
  await shot("story");
  if (name === "desktop") await page.screenshot({ path: readme, animations: "disabled" });
  if (name === "phone") {
    await view(page, "events");
    await shot("events");
    await view(page, "chats");
  }
  const before = complaints.length; // the refusal below is an HTTP error, which Chromium logs as one
  await page.locator("#new").click();
  await page.locator("#addresses").fill("12345");
  await page.keyboard.press("Enter");
  await page.locator(".alert").waitFor();
  await shot("error");
  await close();
  await gateway.stop();
  console.log(`${name}: ${before === 0 ? "no complaints" : complaints.slice(0, before).join("\n")}`);
}
await browser.close();

/** Some chats to look at. */
async function people(gateway) {
  const chats = [
    [["bob@example.com"], "Are you coming on Saturday?"],
    [["carol@example.com", "dave@example.com"], "The slides are up"],
    [["+12025550143"], undefined],
  ];
  for (const [addresses, text] of chats) {
    const [status, { chat }] = await gateway.call("POST", "/v1/chats", { addresses, service: "CHAT_SERVICE_TYPE_IMESSAGE" });
    if (status !== 200) throw new Error(`creating a chat: ${status}`);
    if (text) await gateway.call("POST", "/emulator/v1/messages:receive", { chatGuid: chat.guid, from: addresses[0], text });
  }
}

async function story(page, gateway) {
  await page.locator("#list button", { hasText: "bob" }).click();
  await page.locator("#read").click();
  await page.locator("#feed [data-type='chat.markedRead']").waitFor({ state: "attached" });
  await view(page, "chats");
  await page.locator("#new").click();
  await page.locator("#addresses").fill("alice@example.com");
  await page.locator("#message").fill("Coffee tomorrow?");
  await page.locator("#create [type=submit]").click();
  await page.locator("#detail-guid", { hasText: "alice" }).waitFor();
  await page.locator("#file").setInputFiles({ name: "evening.png", mimeType: "image/png", buffer: sunset() });
  await page.locator("#background-set").click();
  await page.locator("#phone[data-background=set]").waitFor();
  await page.locator("#text").fill("Lovely, nine?");
  await page.locator("#receive button").click();
  await page.locator("#details-list dd", { hasText: "Lovely" }).waitFor();
  await page.locator("#typing").click();
  await page.locator("#typing[aria-checked=true]").waitFor();
  await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: "any;-;+12025550143", actor: "+12025550143" });
  await page.locator("#feed [data-type='chat.archived']").waitFor({ state: "attached" });
  await page.mouse.move(0, 0);
}

/** Chooses a view where there is room for only one. */
async function view(page, name) {
  const tab = page.locator(`.tabs [data-view=${name}]`);
  if (await tab.isVisible()) await tab.click();
}
