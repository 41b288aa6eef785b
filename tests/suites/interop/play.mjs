// Plays scenarios: in every SDK, each time against a gateway of its own.

import { Stable, describe } from "./outcome.mjs";
import { offers } from "./scenarios/index.mjs";
import { SDKS } from "./sdk.mjs";
import { openWorld } from "./world.mjs";

/** The longest that a scenario may take. */
const TIMEOUT_MS = 60_000;

/**
 * One scenario in one SDK at one place: `{ seen, answer }`, the outcomes in order and `[as documented?, what was seen]`; nothing when the SDK
 * lacks a method that it needs.
 */
async function playIn(sdk, scenario, place) {
  const world = await openWorld(sdk, place);
  const stable = new Stable();
  try {
    if (!offers(sdk, world.im, scenario)) return undefined;
    const answer = await inTime(scenario.run(world)).catch((error) => [false, `threw ${describe(world.module, error).class}`, error]);
    return { seen: stable.read(world.seen), answer };
  } finally {
    await world.close();
  }
}

/** One scenario in all SDKs, by the name of the SDK. */
export async function play(scenario, place = "emulator") {
  const played = await Promise.all(SDKS.map(async (sdk) => [sdk, await playIn(sdk, scenario, place)]));
  return Object.fromEntries(played);
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
