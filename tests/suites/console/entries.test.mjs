// The package's two browser entries in a page under a strict Content-Security-Policy: the wasm as an asset, and inline.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";

let browser;
let gateway;

before(async () => {
  [browser, gateway] = await Promise.all([launchBrowser(), startGateway()]);
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

/** Runs in the page: the package's whole way, from the first call to an event and an error. */
async function story([entry, token, address]) {
  const { createClient, NotFoundError, ValidationError } = await import(entry);
  const im = createClient({ address: location.origin, token });
  const { chat } = await im.chats.create([address], { message: "from a page" });
  const stream = im.chats.subscribeEvents({ chat: chat.guid });
  await stream.ready;
  const canvas = new OffscreenCanvas(8, 8);
  canvas.getContext("2d").fillRect(0, 0, 8, 8);
  const picture = await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer();
  await im.chats.setBackground(chat.guid, picture);
  const events = [];
  for await (const event of stream) {
    events.push(event.type);
    break;
  }
  const missing = await im.chats.get("any;-;nobody@example.com").catch((error) => error);
  const wrong = await im.chats.get("nobody").catch((error) => error);
  const hasBackground = await im.chats.hasBackground(chat.guid);
  await im.close();
  return {
    guid: chat.guid,
    events,
    hasBackground,
    errors: [missing instanceof NotFoundError && missing.code, wrong instanceof ValidationError && wrong.context.field],
    wasm: performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".wasm")).length,
  };
}

describe("in a page", () => {
  for (const [name, entry, wasm] of [
    ["the entry with the wasm as an asset", "/im-chats/index.js", 1],
    ["the inline entry", "/im-chats/inline.js", 0],
  ]) {
    test(`${name} does everything`, async () => {
      const { page, complaints, close } = await openPage(browser);
      try {
        await page.goto(`${gateway.address}/`);
        const address = `${name.length}@example.com`;
        const told = await page.evaluate(story, [entry, gateway.token, address]);
        assert.deepEqual(told, {
          guid: `any;-;${address}`,
          events: ["chat.backgroundChanged"],
          hasBackground: true,
          errors: ["chatNotFound", "chat"],
          wasm,
        });
        // The missing chat is asked for on purpose, and browsers report every 404.
        assert.deepEqual(complaints.filter((complaint) => !complaint.includes("404")), []);
      } finally {
        await close();
      }
    });
  }
});
