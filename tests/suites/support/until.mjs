// Waiting for what another process does, which tells nobody when it has done it.

import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks `look` again and again until it gives something true, and gives that; an error of it counts as not yet. After `ms` it
 * fails, with `what` and the last error.
 */
export async function eventually(what, ms, look) {
  const end = Date.now() + ms;
  for (let last; ; ) {
    try {
      const found = await look();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`, { cause: last });
    await pause(50);
  }
}
