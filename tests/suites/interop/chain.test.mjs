// The whole chain: a page with im-chats, the relay, and behind it, over gRPC, the emulator in the part of the real service. Both servers
// die and come back, and the page misses nothing.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway, startRelay } from "../support/gateway.mjs";
import { servePage } from "../support/package.mjs";
import { openSdk } from "./sdk.mjs";
import { all } from "./world.mjs";

const ALICE = "any;-;alice@example.com";
const BOB = "any;-;bob@example.com";

let folder;
let browser;
let site;
let service;
let relay;
let page;

const startService = (options) => startGateway({ data: join(folder, "service"), ...options });
const startOurRelay = (options) => startRelay(service, { data: join(folder, "relay"), args: ["--allow-origin", site.origin], ...options });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "im-chats-chain-"));
  [browser, site] = [await launchBrowser(), await servePage()];
  service = await startService();
  relay = await startOurRelay();
  ({ page } = await openPage(browser));
  await page.goto(site.origin);
  await page.evaluate(
    async ({ address, token }) => {
      const { createClient, IMessageError } = await import("im-chats");
      const im = createClient({ address, token });
      const patient = createClient({ address, token, retry: { maxAttempts: 100, maxDelay: 200 } });
      const seen = [];
      Object.assign(globalThis, { im, patient, seen, IMessageError });
    },
    { address: relay.address, token: relay.token },
  );
});
after(async () => {
  await browser?.close();
  site?.close();
  await relay?.stop();
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What other people do, at the service itself. Gives the last sequence. */
async function elsewhere(path, body) {
  const [status, answer] = await service.call("POST", `/emulator/v1/${path}`, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer.last ?? answer.sequences.at(-1);
}

/** Waits until the page has seen the event with this sequence. */
const sees = (sequence) => page.waitForFunction((sequence) => seen.at(-1)?.sequence >= sequence, sequence, { timeout: 30_000 });

test("a page calls and listens through the relay, over deaths of the service and of the relay", async () => {
  const guids = await page.evaluate(async () => {
    const made = [await im.chats.create(["alice@example.com"], { message: "hello" }), await im.chats.create(["bob@example.com"])];
    const stream = im.chats.subscribeEvents();
    void (async () => {
      for await (const event of stream) seen.push(event);
    })();
    await stream.ready;
    return made.map(({ chat }) => chat.guid);
  });
  assert.deepEqual(guids, [ALICE, BOB]);

  // The service dies. Calls say that it is away and that they may be tried again; events go on when it is back.
  await sees(await elsewhere("events:generate", { count: 50 }));
  await service.kill();
  const away = await page.evaluate(async () => {
    const error = await im.chats.get("any;-;alice@example.com").catch((error) => error);
    return { ours: error instanceof IMessageError, name: error.name, code: error.code, retryable: error.retryable };
  });
  assert.deepEqual(away, { ours: true, name: "ConnectionError", code: "serviceUnavailable", retryable: true });
  const asked = page.evaluate(() => patient.chats.get("any;-;alice@example.com").then(({ guid }) => guid));
  service = await startService({ token: service.token, listen: new URL(service.address).host });
  assert.equal(await asked, ALICE, "a call that is tried again comes through");
  await sees(await elsewhere("events:generate", { count: 50 }));

  // The relay dies while the service goes on.
  await relay.kill();
  await elsewhere("events:generate", { count: 500 });
  relay = await startOurRelay({ token: relay.token, listen: new URL(relay.address).host });
  await sees(await elsewhere("chats:archive", { chatGuid: BOB, actor: "bob@example.com" }));

  // Both at once.
  await Promise.all([relay.kill(), service.kill()]);
  service = await startService({ token: service.token, listen: new URL(service.address).host });
  relay = await startOurRelay({ token: relay.token, listen: new URL(relay.address).host });
  await sees(await elsewhere("chats:unarchive", { chatGuid: BOB, actor: "bob@example.com" }));

  // A write of the page itself comes back to it.
  await page.evaluate(async () => {
    const png = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82]);
    await patient.chats.setBackground("any;-;alice@example.com", png);
  });
  await page.waitForFunction(() => seen.at(-1)?.type === "chat.backgroundChanged", undefined, { timeout: 30_000 });

  const log = await theLog();
  assert.ok(log.length > 600);
  assert.deepEqual(await page.evaluate(() => seen), log, "everything, once, in order, as it is in the service's log");
});

/** The chat events as the service itself has them. */
async function theLog() {
  const { im } = await openSdk("ours", service.address, { token: service.token });
  const events = await all(im.events.catchUp());
  await im.close();
  return events.filter(({ type }) => type.startsWith("chat."));
}
