// Several relays over one log in NATS, to look at and to break by hand: three NATS servers, an emulator as the upstream, three
// relays, on free ports of the loopback. What is killed comes back after a while. Everything goes with this process.

import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { startCluster } from "../../tests/suites/support/cluster.mjs";
import { seeded } from "../../tests/suites/support/seeded.mjs";

/** How long what was killed stays away: long enough to be seen. */
const AWAY_MS = 10_000;

console.log("starting three NATS servers, an emulator and three relays");
const cluster = await startCluster({ dice: seeded(randomBytes(4).readUInt32BE()), leaseMs: 5_000 });
const { nats, emulator, relays, door, token } = cluster;

const processes = [...nats.nodes, emulator, ...relays];
const line = (name, ...rest) => console.log(`  ${name.padEnd(10)}${rest.join("   ")}`);
console.log();
for (const relay of relays) line(relay.name, `${relay.now.address}/#token=${token}`, `pid ${relay.pid}`);
line("any relay", `${door.address}   (a load balancer, for clients)`);
line("upstream", `${emulator.now.address}/#token=${token}`, `pid ${emulator.pid}`);
for (const node of nats.nodes) line(node.name, `nats://${node.address}`, `monitor ${node.monitor}`, `pid ${node.pid}`);
line("token", token);
console.log(`
Open two of the relays' consoles, and the upstream's. What you write in one is in all of them.
  kill -9 PID          of a relay or a NATS server: the others go on; it comes back after ${AWAY_MS / 1000} s
  kill -STOP PID       freezes one for as long as you like; kill -CONT PID wakes it
  write many events    curl -sX POST ${emulator.now.address}/emulator/v1/events:generate -H 'authorization: Bearer ${token}' \\
                         -H 'content-type: application/json' -d '{"count":10000}'
  how it is            curl -s ${relays[0].now.address}/healthz
Ctrl-C stops everything; nothing stays.
`);

const over = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => over.abort());
// Whoever started this is gone when nobody holds the other end any more.
if (!process.stdin.isTTY) process.stdin.on("end", () => over.abort()).resume();

/** Starts again what ended, and says so. */
async function keep(one) {
  while (!over.signal.aborted) {
    const { pid } = one;
    await Promise.race([one.ended(), new Promise((resolve) => over.signal.addEventListener("abort", resolve))]);
    if (over.signal.aborted) return;
    console.log(`${one.name} (pid ${pid}) ended; it comes back in ${AWAY_MS / 1000} s`);
    one.gone();
    try {
      await pause(AWAY_MS, undefined, { signal: over.signal });
      await one.start();
      console.log(`${one.name} is back, pid ${one.pid}`);
    } catch (error) {
      if (!over.signal.aborted) console.error(`${one.name}: ${error.message}`);
    }
  }
}

await Promise.all(processes.map(keep));
console.log("stopping");
await cluster.stop();
process.exit(0);
