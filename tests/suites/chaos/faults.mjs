// The faults, each by a name that a report can use. One that cuts resolves with `{ since, healed }`: when it was done, and
// from when on a new connection could work again.

import { setTimeout as pause } from "node:timers/promises";

/** Faults after which every client must notice and come back, and how often each is drawn. */
export const CUTS = {
  reset: { weight: 4, run: ({ proxy }) => atOnce(() => proxy.cut("reset")) },
  end: { weight: 3, run: ({ proxy }) => atOnce(() => proxy.cut("end")) },
  "reset inside a frame": { weight: 4, run: (world) => inside(world, "reset") },
  "end inside a frame": { weight: 3, run: (world) => inside(world, "end") },
  "kill -9": { weight: 5, run: ({ restart, dice }) => outage(() => restart(dice.between(0, 600), dice)) },
  "no server": {
    weight: 2,
    run: ({ proxy, dice }) =>
      outage(async () => {
        proxy.refusing = true;
        proxy.cut("reset");
        await pause(dice.between(100, 1500));
        proxy.refusing = false;
      }),
  },
};

/** Half-open links: found only by their silence. */
export const SILENCES = {
  "half-open": { weight: 1, run: ({ proxy }) => atOnce(() => proxy.blackhole()) },
  "half-open from the server": { weight: 1, run: ({ proxy }) => atOnce(() => proxy.blackhole("toClient")) },
  // The server is heard all the time, and hears nothing: only a ping without its answer tells.
  "half-open to the server": { weight: 1, deaf: true, run: ({ proxy }) => atOnce(() => proxy.blackhole("toServer")) },
};

/** Faults that a stream lives through without a cut. */
export const HINDRANCES = {
  stall: {
    weight: 2,
    async run({ proxy, dice }) {
      const release = proxy.stall();
      await pause(dice.between(100, 2000));
      release();
    },
  },
  delay: {
    weight: 2,
    async run({ proxy, dice }) {
      proxy.delay = dice.between(1, 80);
      await pause(dice.between(200, 2000));
      proxy.delay = 0;
    },
  },
};

/** Faults between a relay and its upstream: who listens to the relay notices a delay at most. */
export const UPSTREAM = {
  "upstream kill -9": { weight: 4, run: ({ servers, dice }) => servers.restartUpstream(dice.between(0, 2000)) },
  "upstream reset": { weight: 4, run: async ({ servers }) => servers.wire.cut("reset") },
  "upstream end": { weight: 2, run: async ({ servers }) => servers.wire.cut("end") },
  "upstream half-open": { weight: 2, run: async ({ servers }) => servers.wire.blackhole() },
  "upstream cut inside a frame": {
    weight: 4,
    run: ({ servers, dice }) => Promise.race([servers.wire.cutAfter(dice.between(1, 20_000)), pause(1_000)]),
  },
};

/** A name out of a list of faults, by weight. */
export function draw(faults, dice) {
  const total = Object.values(faults).reduce((sum, { weight }) => sum + weight, 0);
  let at = dice.random() * total;
  return Object.keys(faults).find((name) => (at -= faults[name].weight) < 0);
}

function atOnce(act) {
  const since = Date.now();
  act();
  return { since, healed: since };
}

async function outage(act) {
  const since = Date.now();
  await act();
  return { since, healed: Date.now() };
}

/** At any byte: in the middle of a frame, a header, a character. */
async function inside({ proxy, dice }, how) {
  const since = Date.now();
  // Clients that are on their way back, all of them, carry nothing that could be counted.
  await Promise.race([proxy.cutAfter(dice.between(1, 20_000), "toClient", how), pause(3_000)]);
  const cut = Date.now();
  proxy.cut(how); // Those that had fewer bytes to carry.
  return { since, healed: cut };
}
