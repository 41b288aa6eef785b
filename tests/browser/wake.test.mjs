// A page that sleeps, is hidden, or loses its network: the client finds out what that did to its socket, and goes on.

import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, describe, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { servePage } from "../support/package.mjs";
import { startProxy } from "../support/proxy.mjs";

/** A socket that is probed must answer within this time; then comes the backoff, at most 250 ms, and the way back. */
const PROBE_MS = 3_000;
const WAY_BACK_MS = 250 + 1_500;

let browser;
let site;
let gateway;
let proxy;
let page;
let devtools;
let close;

before(async () => {
  browser = await launchBrowser();
  site = await servePage();
});
after(async () => {
  await browser?.close();
  site?.close();
});

beforeEach(async () => {
  // Heartbeats as rare as by default: nothing here may be found out by a missing one.
  gateway = await startGateway({ args: ["--allow-origin", site.origin] });
  proxy = await startProxy(gateway.address);
  await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
  ({ page, close } = await openPage(browser));
  devtools = await page.context().newCDPSession(page);
  await page.goto(site.origin);
  await page.evaluate(
    async ({ address, token }) => {
      const { createClient } = await import("im-chats");
      const im = createClient({ address, token });
      const seen = { sequences: [], states: [], sockets: 0 };
      im.connection.on(({ state }) => seen.states.push({ at: Date.now(), state }));
      const stream = im.chats.subscribeEvents();
      stream.on((event) => void seen.sequences.push(event.sequence));
      await stream.ready;
      Object.assign(globalThis, { im, seen });
    },
    { address: proxy.address, token: gateway.token },
  );
  await until(() => im.connection.state === "live");
});
afterEach(async () => {
  await close();
  await proxy.close();
  await gateway.stop();
});

const until = (condition, input) => page.waitForFunction(condition, input, { timeout: 20_000 });

const generate = async (count) => {
  const [status, { last }] = await gateway.call("POST", "/emulator/v1/events:generate", { count });
  assert.equal(status, 200);
  return last;
};

const lifecycle = (state) => devtools.send("Page.setWebLifecycleState", { state });

/** Waits until the page was given everything up to `last`, and checks that it was given it once and in order. */
async function sawAll(last) {
  await until((last) => seen.sequences.at(-1) >= last, last);
  const sequences = await page.evaluate(() => seen.sequences);
  assert.deepEqual(sequences, Array.from({ length: last }, (_, index) => index + 1));
}

/** When the connection was live again, in milliseconds after `since`. */
async function liveAgain(since) {
  const again = await until((since) => {
    const lost = seen.states.findIndex(({ at, state }) => at >= since && state !== "live");
    const back = seen.states.find(({ state }, index) => lost >= 0 && index > lost && state === "live");
    return back && back.at - since;
  }, since);
  return again.jsonValue();
}

const states = (since) => page.evaluate((since) => seen.states.filter(({ at }) => at >= since).map(({ state }) => state), since);

describe("a page that was frozen", () => {
  test("finds its socket cut meanwhile: back within the backoff, nothing lost", async (context) => {
    await generate(10);
    await sawAll(10);
    await lifecycle("frozen");
    proxy.cut("reset");
    const last = await generate(500);
    const thawed = Date.now();
    await lifecycle("active");
    const took = await liveAgain(thawed);
    context.diagnostic(`live ${took} ms after the thaw`);
    await sawAll(last);
    assert.ok(took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });

  test("finds its socket half-open: back within the probe and the backoff, nothing lost", async (context) => {
    await lifecycle("frozen");
    proxy.blackhole();
    const last = await generate(500);
    const thawed = Date.now();
    await lifecycle("active");
    const took = await liveAgain(thawed);
    context.diagnostic(`live ${took} ms after the thaw`);
    await sawAll(last);
    assert.ok(took >= PROBE_MS - 100, `${took} ms: nothing but the probe could tell`);
    assert.ok(took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });

  test("finds its socket well: it stays, and what waited in it comes at once", async () => {
    await lifecycle("frozen");
    const last = await generate(500);
    const thawed = Date.now();
    await lifecycle("active");
    await sawAll(last);
    assert.deepEqual((await states(thawed)).filter((state) => state !== "live" && state !== "catchingUp"), []);
    assert.equal(proxy.size, 1);
  });
});

describe("a page that is shown again", () => {
  /** What a browser does when a tab comes to the front; headless Chromium's tabs are always there. */
  const shown = () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

  test("probes its socket, and gives a dead one up", async (context) => {
    proxy.blackhole("toClient");
    const last = await generate(100);
    const since = Date.now();
    await shown();
    const took = await liveAgain(since);
    context.diagnostic(`live ${took} ms after it was shown`);
    await sawAll(last);
    assert.ok(took >= PROBE_MS - 100 && took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });

  test("keeps a good one", async () => {
    const since = Date.now();
    await shown();
    await sawAll(await generate(100));
    assert.deepEqual((await states(since)).filter((state) => state !== "live"), []);
    assert.equal(proxy.size, 1);
  });
});

describe("a network that goes and comes", () => {
  test("is told as offline, and the way back is tried at once when it is there", async (context) => {
    // Chromium's emulation tells the page and refuses new connections; an open WebSocket it leaves alone, so that the
    // proxy cuts it.
    await page.context().setOffline(true);
    proxy.refusing = true;
    proxy.cut("reset");
    await until(() => im.connection.state === "offline");
    const last = await generate(500);
    // Long enough for a backoff that would still be running: only the event can end it early.
    await until(() => performance.now() - (globalThis.offlineSince ??= performance.now()) > 4_000);
    proxy.refusing = false;
    const since = Date.now();
    await page.context().setOffline(false);
    await until(() => im.connection.state === "live");
    const took = await page.evaluate((since) => seen.states.at(-1).at - since, since);
    context.diagnostic(`live ${took} ms after the network was back`);
    await sawAll(last);
    assert.ok(took <= WAY_BACK_MS, `${took} ms`);
  });

  test("another network, the old socket silent: probed, and given up", async (context) => {
    proxy.blackhole();
    const last = await generate(100);
    const since = Date.now();
    await page.evaluate(() => dispatchEvent(new Event("online")));
    const took = await liveAgain(since);
    context.diagnostic(`live ${took} ms after the change`);
    await sawAll(last);
    assert.ok(took >= PROBE_MS - 100 && took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });
});
