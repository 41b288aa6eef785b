// What stands before several fronts: each new connection goes to one of those that are healthy, drawn at random.
//
//   const balancer = await startBalancer(() => fronts.map((front) => front.address), dice);
//   … createClient({ address: balancer.address }) …
//   await balancer.close();

import { setTimeout as pause } from "node:timers/promises";

import { startProxy } from "./proxy.mjs";

/** How often each front is asked. */
const LOOK_MS = 200;

/** How long it may take to answer. */
const PATIENCE_MS = 1_000;

/**
 * Starts one before the fronts that `addresses` gives at each moment. It is a proxy, and does all that one does. When no front
 * says that it is healthy, any that answers is good: what it has is better than nothing.
 */
export async function startBalancer(addresses, dice) {
  let [healthy, answering] = [[], []];
  const proxy = await startProxy(() => {
    const now = addresses();
    for (const known of [healthy, answering]) {
      const there = known.filter((address) => now.includes(address));
      if (there.length) return dice.pick(there);
    }
    return undefined;
  });
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      const looks = addresses().map(async (address) => ({ address, status: await health(address) }));
      const seen = await Promise.all(looks);
      healthy = seen.filter(({ status }) => status === 200).map(({ address }) => address);
      answering = seen.filter(({ status }) => status !== undefined).map(({ address }) => address);
      await pause(LOOK_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  const { close } = proxy;
  return Object.assign(proxy, {
    /** Which fronts are in turn. */
    healthy: () => healthy,
    async close() {
      over.abort();
      await looking;
      await close.call(proxy);
    },
  });
}

/** The status of `/healthz`; nothing without an answer. */
export async function health(address) {
  try {
    const answer = await fetch(`${address}/healthz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return undefined;
  }
}
