// A page that sleeps, is hidden, or loses its network: the client finds out what that did to its socket, and goes on.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { launchBrowser } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { servePage } from "../support/package.mjs";
import { startProxy } from "../support/proxy.mjs";
import { openTab } from "../support/tab.mjs";

/** A socket that is probed must answer within this time. */
const PROBE_MS = 3_000;

/** Then comes the backoff, at most 250 ms, the way back, and what a busy machine adds. A heartbeat that is missing would be found out much later. */
const WAY_BACK_MS = 250 + 5_000;

/** The same where the next attempt might come by itself. */
const AT_ONCE_MS = 1_750;

let browser;
let site;
let gateway;
let proxy;
let tab;

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
  tab = await openTab(browser, site.origin);
  await tab.evaluate(
    async ({ address, token }) => {
      const { createClient } = await import("im-chats");
      const im = createClient({ address, token });
      const seen = { sequences: [], states: [], page: [], sockets: 0 };
      const Native = WebSocket;
      globalThis.WebSocket = class extends Native {
        constructor(...input) {
          super(...input);
          seen.sockets += 1;
        }
      };
      for (const type of ["freeze", "resume", "visibilitychange"]) {
        document.addEventListener(type, () => seen.page.push(type === "visibilitychange" ? document.visibilityState : type));
      }
      im.connection.on(({ state }) => seen.states.push({ at: Date.now(), state }));
      const stream = im.chats.subscribeEvents();
      stream.on((event) => void seen.sequences.push(event.sequence));
      await stream.ready;
      Object.assign(globalThis, { im, seen });
    },
    { address: proxy.address, token: gateway.token },
  );
  await tab.until(() => im.connection.state === "live");
});
afterEach(async () => {
  await tab.close();
  await proxy.close();
  await gateway.stop();
});

const generate = async (count) => {
  const [status, { last }] = await gateway.call("POST", "/emulator/v1/events:generate", { count });
  assert.equal(status, 200);
  return last;
};

/** Waits until the page was given everything up to `last`, and checks that it was given it once and in order. */
async function sawAll(last) {
  await tab.until((last) => seen.sequences.at(-1) >= last, last);
  const sequences = await tab.evaluate(() => seen.sequences);
  assert.deepEqual(sequences, Array.from({ length: last }, (_, index) => index + 1));
}

/** How many milliseconds after `since` the connection was live again, after having been lost. */
const liveAgain = (since) =>
  tab.until((since) => {
    const lost = seen.states.findIndex(({ at, state }) => at >= since && state === "reconnecting");
    const back = seen.states.find(({ state }, index) => lost >= 0 && index > lost && state === "live");
    return back && Math.max(1, back.at - since);
  }, since);

const statesSince = (since) => tab.evaluate((since) => seen.states.filter(({ at }) => at >= since).map(({ state }) => state), since);

/** Freezes the tab while `meanwhile` runs; gives what that gave, and when it was thawed. */
async function asleep(meanwhile) {
  await tab.lifecycle("frozen");
  const result = await meanwhile();
  const thawed = Date.now();
  await tab.lifecycle("active");
  await tab.until(() => seen.page.includes("freeze") && seen.page.includes("resume"));
  return { result, thawed };
}

describe("a page that was frozen", () => {
  test("finds its socket cut meanwhile: back within the backoff, nothing lost", async (context) => {
    await sawAll(await generate(10));
    const { result: last, thawed } = await asleep(() => {
      proxy.cut("reset");
      return generate(500);
    });
    const took = await liveAgain(thawed);
    context.diagnostic(`live ${took} ms after the thaw`);
    await sawAll(last);
    assert.ok(took <= WAY_BACK_MS, `${took} ms`);
  });

  test("finds its socket half-open: back within the probe and the backoff, nothing lost", async (context) => {
    const { result: last, thawed } = await asleep(() => {
      proxy.blackhole();
      return generate(500);
    });
    const took = await liveAgain(thawed);
    context.diagnostic(`live ${took} ms after the thaw`);
    await sawAll(last);
    assert.ok(took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });

  test("needs nothing to be wrong: Chromium closes the sockets of a page that it freezes", async (context) => {
    const { result: last, thawed } = await asleep(() => generate(500));
    const took = await liveAgain(thawed);
    context.diagnostic(`live ${took} ms after the thaw`);
    await sawAll(last);
    assert.ok(took <= WAY_BACK_MS, `${took} ms`);
    assert.equal(await tab.evaluate(() => seen.sockets), 2);
  });
});

describe("a page that is shown again", () => {
  beforeEach(() => tab.hide());

  test("probes its socket, and gives a dead one up", async (context) => {
    proxy.blackhole();
    const last = await generate(100);
    const since = Date.now();
    await tab.show();
    const took = await liveAgain(since);
    context.diagnostic(`live ${took} ms after it was shown`);
    await sawAll(last);
    assert.ok(took >= PROBE_MS - 100 && took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });

  test("keeps a good one", async () => {
    const since = Date.now();
    await tab.show();
    await sawAll(await generate(100));
    assert.deepEqual((await statesSince(since)).filter((state) => state !== "live"), []);
    assert.equal(await tab.evaluate(() => seen.sockets), 1);
  });
});

describe("a network that goes and comes", () => {
  test("is reported as offline, and the client connects at once when it is back", async (context) => {
    // Chromium's emulation tells the page; an open WebSocket it leaves alone, so the proxy cuts it.
    await tab.network(false);
    proxy.refusing = true;
    proxy.cut("reset");
    await tab.until(() => im.connection.state === "offline");
    const last = await generate(500);
    // So many attempts fail meanwhile that the backoff may be at 8 s: only the event ends it in time.
    await tab.until(() => seen.sockets > 5);
    proxy.refusing = false;
    const since = Date.now();
    await tab.network(true);
    await tab.until(() => im.connection.state === "live");
    const took = await tab.evaluate((since) => seen.states.at(-1).at - since, since);
    context.diagnostic(`live ${took} ms after the network was back`);
    await sawAll(last);
    assert.ok(took <= AT_ONCE_MS, `${took} ms`);
  });

  test("another network, the old socket silent: probed, and given up", async (context) => {
    proxy.blackhole();
    const last = await generate(100);
    const since = Date.now();
    await tab.network(false);
    await tab.network(true);
    const took = await liveAgain(since);
    context.diagnostic(`live ${took} ms after the change`);
    await sawAll(last);
    assert.ok(took >= PROBE_MS - 100 && took <= PROBE_MS + WAY_BACK_MS, `${took} ms`);
  });
});
