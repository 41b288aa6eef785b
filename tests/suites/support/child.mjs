// A child process that serves: the one reader of the line that says where.

import { createInterface } from "node:readline";

/**
 * The address in a child's line `listening on http://…`; its later output is discarded. Rejects with `log()` when the child
 * ends, or closes its output, before that line. `exited` is the promise of its `exit` event.
 */
export async function listeningAddress(child, exited, log) {
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /^listening on (https?:\S+)$/.exec(line)?.[1];
      if (address) return address;
    }
    throw new Error(`${child.spawnfile} closed its output before it listened:\n${log()}`);
  })();
  const died = exited.then(([code]) => {
    throw new Error(`${child.spawnfile} ended with ${code} before it listened:\n${log()}`);
  });
  // Whichever comes second has nothing left to report.
  died.catch(() => {});
  ready.catch(() => {});
  const address = await Promise.race([ready, died]);
  child.stdout.resume();
  return address;
}
