// Chaos in a cluster: the packed package, in Node or in Chromium, before several relays over one log in NATS. Relays, NATS servers
// and the upstream are killed, frozen, cut off and replaced while events are written; clients move from front to front. At the
// end everything that the programs were given, what every front has, and every commit in the stream are compared with the
// upstream's log.
//
//   node tests/suites/chaos/cluster/chaos.mjs --minutes 10 --events 200000 [--browser] [--roles ingest,front,front] [--seed N]
//
// `cargo xtask chaos --cluster` runs it with the environment it needs.

import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startCluster } from "../../support/cluster.mjs";
import { seeded } from "../../support/seeded.mjs";
import { eventually } from "../../support/until.mjs";
import { LAST } from "../consumer.mjs";
import { draw } from "../faults.mjs";
import { digestOf, FRESH } from "../digest.mjs";
import { judge, readLog } from "../oracle.mjs";
import { inChromium, inNode } from "../runners.mjs";
import { FAULTS } from "./faults.mjs";
import { commitOf, judgeCommits, readStream } from "./oracle.mjs";
import { figures, table } from "./report.mjs";

/** As short as a client obeys it, so that a half-open link is found in 7 s rather than 35 s. */
const HEARTBEAT_MS = 1_000;

/** How long everything may take to be whole again after a fault. */
const SETTLE_MS = 60_000;

/** How often a second fault comes while one is there. */
const TWICE = 0.2;

/**
 * Runs for `seconds`, and longer when `events` take longer to be written or a fault of `owed` is left. Gives the figures; `wrong`
 * in them says what was wrong.
 */
export async function chaos({
  seconds,
  events,
  browser = false,
  roles = ["auto", "auto", "auto"],
  owed = [],
  twice = TWICE,
  seed = Date.now() % 1e9,
  say = () => {},
}) {
  const dice = seeded(seed);
  const page = browser ? await inChromium() : await inNode();
  const args = ["--heartbeat-interval-ms", String(HEARTBEAT_MS), ...(page.origin ? ["--allow-origin", page.origin] : [])];
  const cluster = await startCluster({ dice, roles, args }).catch(async (error) => {
    await page.close();
    throw error;
  });
  const { emulator, token } = cluster;
  try {
    const chats = [];
    for (const name of ["alice", "bob", "carol"]) {
      const [, { chat }] = await emulator.now.call("POST", "/v1/chats", { addresses: [`${name}@example.com`] });
      chats.push(chat.guid);
    }
    await page.start({ address: cluster.door.address, token, chat: chats[1], seed });
    await page.ready();
    const load = generate({ emulator, dice, perSecond: events / seconds });
    const faults = await breakThings({ world: { cluster, dice, page, load }, seconds, owed, twice, say });
    say("no more faults");
    await load.stop(events);
    for (const verb of ["unarchive", "archive"]) {
      await emulator.now.call("POST", `/emulator/v1/chats:${verb}`, { chatGuid: chats[1], actor: LAST });
    }
    await page.finish();
    const { runs, states, stuck, pauses } = await page.result(SETTLE_MS);
    const { WebSocket } = createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"))("ws");
    const log = await readLog(emulator.now, WebSocket);
    const last = log.find((event) => event.actor?.address === LAST).sequence;
    const verdicts = runs.map((run) => ({ run, ...judge(run, log, last) }));
    const fronts = await judgeFronts(cluster, log, WebSocket);
    const { stream } = await cluster.log();
    const messages = await eventually("the whole stream is read", SETTLE_MS, () => cluster.nats.ask((client) => readStream(client, stream)));
    const commits = messages.map(commitOf);
    const judged = judgeCommits(commits, log);
    const refusals = await countRefusals(cluster);
    const seen = { states, stuck, faults, pauses, writes: load.writes, refusals, died: cluster.died() };
    return figures({ seed, roles, log, verdicts, fronts, commits, judged, ...seen });
  } finally {
    await page.close();
    await cluster.stop();
  }
}

/** Writes events into the emulator, whatever else happens. */
function generate({ emulator, dice, perSecond }) {
  const writes = [];
  let written = 0;
  let enough;
  const began = Date.now();
  const running = (async () => {
    while (enough === undefined || written < enough) {
      const due = Math.floor(((Date.now() - began) / 1000) * perSecond);
      const count = enough === undefined ? Math.min(due - written, dice.between(1, 1_000)) : Math.min(3_000, enough - written);
      if (count > 0) {
        // One that dies in the middle may have written all, a part, or nothing of it: the log will tell.
        const [status, answer] = await emulator.now.call("POST", "/emulator/v1/events:generate", { count }).catch(() => []);
        if (status === 200) {
          written += count;
          writes.push({ at: Date.now(), first: answer.first, last: answer.last });
        }
      }
      await pause(dice.between(5, 60));
    }
  })();
  return {
    writes,
    /** Goes on until `count` events were written, and ends. */
    async stop(count) {
      enough = count;
      await running;
    },
  };
}

/** Injects faults until the time is over; gives when each was and when everything was whole again. */
async function breakThings({ world, seconds, owed, twice, say }) {
  const { dice } = world;
  const end = Date.now() + seconds * 1000;
  const left = [...owed];
  const faults = [];
  while (left.length > 0 || Date.now() < end) {
    await pause(dice.between(50, 1_000));
    const names = [left.shift() ?? draw(FAULTS, dice)];
    if (left.length === 0 && dice.random() < twice) {
      const part = (name) => FAULTS[name].part;
      const apart = ([name]) => !part(name).includes(part(names[0])) && !part(names[0]).includes(part(name));
      const others = Object.fromEntries(Object.entries(FAULTS).filter(apart));
      names.push(draw(others, dice));
    }
    const since = Date.now();
    try {
      await Promise.all(names.map((name) => FAULTS[name].run(world)));
      const healed = Date.now();
      await settle(world);
      const settled = Date.now();
      faults.push({ names, since, healed, settled });
      say(`${names.join(" and ")}: ${healed - since} ms, and whole again ${settled - healed} ms later`);
    } catch (error) {
      throw new Error(`after ${names.join(" and ")}: ${error.message}`, { cause: error });
    }
  }
  return faults;
}

/** Waits until everything is healthy, and the quick stream has given an event that was written after that. */
async function settle({ cluster, load, page }) {
  await cluster.healthy(SETTLE_MS);
  const healthy = Date.now();
  const write = await eventually("something is written", SETTLE_MS, () => load.writes.at(-1)?.at > healthy && load.writes.at(-1));
  const timeout = new AbortController();
  const late = pause(SETTLE_MS, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`everything is healthy, and the client had nothing new for ${SETTLE_MS} ms`);
  });
  late.catch(() => {});
  try {
    await Promise.race([page.reached(write.last), late]);
  } finally {
    timeout.abort();
  }
}

/** What is wrong with what each front has: it must be the upstream's log. */
async function judgeFronts({ fronts, token }, log, WebSocket) {
  const wanted = log.reduce(digestOf, FRESH);
  const wrong = [];
  for (const { name, now } of fronts) {
    const own = await eventually(`${name} has the whole log`, SETTLE_MS, async () => {
      const own = await readLog({ address: now.address, token }, WebSocket);
      return own.length >= log.length && own;
    });
    if (own.reduce(digestOf, FRESH) !== wanted) wrong.push(`the log of ${name} is not the upstream's: ${own.length} events of ${log.length}`);
  }
  return wrong;
}

/** How often the fronts said what, since each was started last. */
async function countRefusals({ fronts, token }) {
  const counts = {};
  for (const { now } of fronts) {
    const answer = await fetch(`${now.address}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    for (const [, code, count] of (await answer.text()).matchAll(/^im_chats_refusals_total\{[^}]*code="(\w+)"[^}]*\} (\d+)/gm)) {
      counts[code] = (counts[code] ?? 0) + Number(count);
    }
  }
  return counts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      events: { type: "string", default: "200000" },
      browser: { type: "boolean", default: false },
      roles: { type: "string", default: "auto,auto,auto" },
      seed: { type: "string" },
    },
  });
  const result = await chaos({
    seconds: Number(values.minutes) * 60,
    events: Number(values.events),
    browser: values.browser,
    roles: values.roles.split(","),
    // However long it takes: each of them once.
    owed: Object.keys(FAULTS),
    ...(values.seed && { seed: Number(values.seed) }),
    say: (line) => console.error(line),
  });
  console.log(table(result));
  process.exitCode = result.wrong.length ? 1 : 0;
}
