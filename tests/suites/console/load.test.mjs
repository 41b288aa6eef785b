// 5,000 events over 200 chats in five seconds: the page answers a key at once, draws at most once a frame, and asks the server nothing.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { stage } from "./stage.mjs";

const at = stage();
const CHATS = 200;
const EVENTS = 5_000;
const BURSTS = 50;

describe("under load", () => {
  test("a key is answered within 100 ms, and no event is a request", async () => {
    await at.people(Object.fromEntries(Array.from({ length: CHATS }, (_, index) => [`person${index}@example.com`, `message ${index}`])));
    await at.open();
    const { page } = at;
    // All of them are in the list: a search reads what is not there yet.
    await page.getByLabel("Search chats").fill("person");
    await page.locator("#count", { hasText: `${CHATS} of ${CHATS}` }).waitFor();
    await at.openChat("Person7");
    await page.getByLabel("Search chats").fill("");
    await page.locator("#state-text", { hasText: /^live$/ }).waitFor();
    await page.locator("#feed .meta", { hasText: "chat.markedRead" }).waitFor();
    const requests = [];
    page.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await page.evaluate(() => {
      globalThis.delays = [];
      globalThis.frames = { drawn: 0, most: 0, count: 0 };
      // From the key to the next frame that shows what it did.
      document.getElementById("search").addEventListener("input", (event) => {
        requestAnimationFrame(() => setTimeout(() => globalThis.delays.push(performance.now() - event.timeStamp)));
      });
      // How often the list is changed in one frame: a refresh is one batch of records.
      new MutationObserver(() => (globalThis.frames.count += 1)).observe(document.getElementById("feed"), { childList: true });
      const tick = () => {
        globalThis.frames.most = Math.max(globalThis.frames.most, globalThis.frames.count);
        globalThis.frames.count = 0;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    await page.getByLabel("Search chats").focus();
    let done = false;
    const load = (async () => {
      const began = Date.now();
      for (let burst = 0; burst < BURSTS; burst += 1) {
        await at.act("events:generate", { count: EVENTS / BURSTS });
        await at.act("messages:receive", { chatGuid: `any;-;person${burst}@example.com`, from: `person${burst}@example.com`, text: `burst ${burst}` });
        await pause(Math.max(0, began + (burst + 1) * (5_000 / BURSTS) - Date.now()));
      }
      done = true;
      return Date.now() - began;
    })();
    for (let key = 0; !done; key += 1) {
      await page.keyboard.press(key % 8 < 4 ? "p" : "Backspace");
      await pause(60);
    }
    const took = await load;
    await page.getByLabel("Search chats").fill("");
    await page.locator("#feed .what", { hasText: `burst ${BURSTS - 1}` }).waitFor({ timeout: 10_000 });
    const { delays, frames } = await page.evaluate(() => ({ delays: globalThis.delays, frames: globalThis.frames }));
    delays.sort((one, other) => one - other);
    const typical = delays[Math.floor(delays.length * 0.95)];
    console.log(`${EVENTS} events in ${took} ms: ${delays.length} keys, 95 % within ${typical.toFixed(0)} ms, the slowest ${delays.at(-1).toFixed(0)} ms, ${requests.length} requests`);
    assert.ok(delays.length > 30, `${delays.length} keys`);
    assert.ok(typical < 100, `a key took ${typical} ms`);
    assert.ok(frames.most <= 1, `the feed was drawn ${frames.most} times in a frame`);
    assert.ok(requests.length < 10, requests.join("\n"));
    // Nothing was lost on the way.
    await page.locator("#count", { hasText: /^\d+$/ }).waitFor();
    const shown = Number(await page.locator("#count").textContent());
    const [, { chats }] = await at.gateway.call("GET", "/emulator/v1/chats?limit=1000");
    assert.equal(shown, chats.filter(({ chat }) => !chat.isArchived).length);
    at.assertNoComplaints();
  });
});
