// What a page's Content-Security-Policy must allow, and what happens when it does not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { servePage } from "../support/package.mjs";

let browser;
let site;

before(async () => {
  [browser, site] = await Promise.all([launchBrowser(), servePage()]);
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** The first call of a page under `policy`: the class, code and message of its failure. */
async function firstCall(policy) {
  const { page, close } = await openPage(browser);
  await page.route(`${site.origin}/`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
  });
  try {
    await page.goto(site.origin);
    return await page.evaluate(async () => {
      const { createClient, IMessageError } = await import("/im-chats/index.js");
      const im = createClient({ address: location.origin, token: "t" });
      const error = await im.chats.get("any;-;alice@example.com").catch((error) => error);
      return error instanceof IMessageError && error.toJSON();
    });
  } finally {
    await close();
  }
}

test("without 'wasm-unsafe-eval' the first call says so", async () => {
  const { name, message } = await firstCall("default-src 'none'; script-src 'self'; connect-src 'self'");
  assert.equal(name, "ConnectionError");
  assert.match(message, /could not be started: .*Content Security Policy/i);
});

test("with it nothing more of scripts is needed", async () => {
  // The site answers 404 to everything else, as a service would that does not know the chat.
  const { name } = await firstCall("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'");
  assert.equal(name, "NotFoundError");
});
