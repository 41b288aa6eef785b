// Chaos with the real things: the packed package, in Node or in Chromium, through a proxy that cuts, stalls and swallows,
// against the real gateway, which is killed and restarted, while events are generated. At the end everything that the
// programs were given is compared with the log.
//
//   node tests/suites/chaos/chaos.mjs --minutes 5 --events 200000 [--browser] [--relay] [--seed N]
//
// `cargo xtask chaos` runs it with the environment it needs.

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startProxy } from "../support/proxy.mjs";
import { seeded } from "../support/seeded.mjs";
import { LAST } from "./consumer.mjs";
import { CUTS, draw, HINDRANCES, SILENCES, UPSTREAM } from "./faults.mjs";
import { judge, readLog } from "./oracle.mjs";
import { figures, table } from "./report.mjs";
import { inChromium, inNode } from "./runners.mjs";
import { startServers } from "./servers.mjs";

/** As short as a client obeys it, so that a half-open link is found in 7 s rather than 35 s. */
const HEARTBEAT_MS = 1_000;

/** After this uptime of a socket the backoff begins at its first step again. */
const HEALTHY_MS = 10_000;

/**
 * Runs for `seconds`, and longer when `events` take longer to be written. Gives the figures; `faults` in them says what was
 * wrong.
 */
export async function chaos({ seconds, events, browser = false, relay = false, seed = Date.now() % 1e9, say = () => {} }) {
  const dice = seeded(seed);
  const page = browser ? await inChromium() : await inNode();
  const args = ["--heartbeat-interval-ms", String(HEARTBEAT_MS), ...(page.origin ? ["--allow-origin", page.origin] : [])];
  const token = randomBytes(12).toString("hex");
  const servers = await startServers({ relay, args, token });
  const { emulator } = servers;
  const proxy = await startProxy(servers.front().address);
  try {
    const chats = [];
    for (const name of ["alice", "bob", "carol"]) {
      const [, { chat }] = await emulator().call("POST", "/v1/chats", { addresses: [`${name}@example.com`] });
      chats.push(chat.guid);
    }
    const restart = async (downMs) => {
      await servers.restart(downMs, dice);
      proxy.target = servers.front().address;
    };
    await page.start({ address: proxy.address, token, chat: chats[1], seed });
    await page.ready();
    const load = generate({ gateway: emulator, dice, perSecond: events / seconds });
    const world = { proxy, restart, dice, servers, upstream: {} };
    const cuts = await breakThings({ world, page, seconds, say });
    say("no more faults");
    await load.stop(events);
    for (const verb of ["unarchive", "archive"]) {
      await emulator().call("POST", `/emulator/v1/chats:${verb}`, { chatGuid: chats[1], actor: LAST });
    }
    await page.finish();
    const { runs, states, stuck } = await page.result(60_000);
    const log = await readLog(emulator(), createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"))("ws").WebSocket);
    const last = log.find((event) => event.actor?.address === LAST).sequence;
    const verdicts = runs.map((run) => ({ run, ...judge(run, log, last) }));
    return figures({ seed, log, verdicts, cuts, states, stuck, heartbeatMs: HEARTBEAT_MS, upstream: world.upstream });
  } finally {
    await page.close();
    await proxy.close();
    await servers.stop();
  }
}

/** Writes events past the proxy, whether or not the gateway lives at the moment. */
function generate({ gateway, dice, perSecond }) {
  let written = 0;
  let enough;
  const began = Date.now();
  const running = (async () => {
    while (enough === undefined || written < enough) {
      const due = Math.floor(((Date.now() - began) / 1000) * perSecond);
      const count = enough === undefined ? Math.min(due - written, dice.between(1, 3_000)) : Math.min(3_000, enough - written);
      if (count > 0) {
        // A gateway that dies in the middle may have written all, a part, or nothing of it: the log will tell.
        const [status] = await gateway()
          .call("POST", "/emulator/v1/events:generate", { count })
          .catch(() => []);
        if (status === 200) written += count;
      }
      await pause(dice.between(5, 60));
    }
  })();
  return {
    /** Goes on until `count` events were written, and ends. */
    async stop(count) {
      enough = count;
      await running;
    },
  };
}

/** Injects faults until the time is over; gives what each cut cost. */
async function breakThings({ world, page, seconds, say }) {
  const { dice } = world;
  const end = Date.now() + seconds * 1000;
  const cuts = [];
  let liveSince = Date.now();
  // However short the run: what only silence, and what only a missing answer tells.
  const owed = ["half-open", "half-open to the server"];
  const owedUpstream = world.servers.wire ? ["upstream kill -9", "upstream half-open"] : [];
  while (owed.length > 0 || Date.now() < end) {
    // Faults come in bursts; in between, now and then, is time enough to forget them.
    await pause(owed.length === 0 && seconds > 120 && dice.random() < 0.35 ? HEALTHY_MS + 1_500 : dice.between(50, 1500));
    if (owed.length === 0 && dice.random() < 0.2) {
      await HINDRANCES[draw(HINDRANCES, dice)].run(world);
      continue;
    }
    if (owedUpstream.length > 0 || (world.servers.wire && dice.random() < 0.6)) {
      const name = owedUpstream.shift() ?? draw(UPSTREAM, dice);
      world.upstream[name] = (world.upstream[name] ?? 0) + 1;
      await UPSTREAM[name].run(world);
      say(name);
      continue;
    }
    const silent = owed.length > 0 || dice.random() < 0.06;
    const faults = silent ? SILENCES : CUTS;
    const name = owed.shift() ?? draw(faults, dice);
    const fresh = Date.now() - liveSince > HEALTHY_MS + 500;
    const { since, healed } = await faults[name].run(world);
    const twice = !silent && dice.random() < 0.25;
    if (twice) await pause(dice.between(0, 300)); // Into the return of the first.
    const again = twice ? await CUTS[draw(CUTS, dice)].run(world) : undefined;
    const { lostAt, liveAt } = await recovery(page, since);
    // The second fault may have met a client that was back already.
    const settled = again && liveAt < again.healed ? await recovery(page, liveAt) : { liveAt };
    liveSince = settled.liveAt;
    cuts.push({ name, silent, deaf: faults[name].deaf === true, fresh, twice, since, healed, lostAt, liveAt });
    say(`${name}${twice ? ", and again" : ""}: live ${liveAt - Math.max(healed, silent ? lostAt : 0)} ms later`);
  }
  return cuts;
}

/** A client that does not come back is a failure with a name, not a run that never ends. */
async function recovery(page, since) {
  const timeout = new AbortController();
  const never = pause(60_000, undefined, { signal: timeout.signal }).then(() => {
    throw new Error("the client did not notice a cut, or was not live again, for a minute");
  });
  never.catch(() => {});
  try {
    return await Promise.race([page.recovery(since), never]);
  } finally {
    timeout.abort();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      events: { type: "string", default: "200000" },
      browser: { type: "boolean", default: false },
      relay: { type: "boolean", default: false },
      seed: { type: "string" },
    },
  });
  const result = await chaos({
    seconds: Number(values.minutes) * 60,
    events: Number(values.events),
    browser: values.browser,
    relay: values.relay,
    ...(values.seed && { seed: Number(values.seed) }),
    say: (line) => console.error(line),
  });
  console.log(table(result));
  process.exitCode = result.wrong.length ? 1 : 0;
}
