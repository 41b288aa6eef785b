// `node bench.mjs RESULTS [--quick] [--only WORK] [--runtime NAME]`: all rows, alternating between subjects, round after round; writes
// the results as JSON. `cargo xtask bench` runs it. Each ratio is the median of the rounds' own ratios, so that what the machine does
// meanwhile, which all subjects of a round share, falls out. With a version before, that one is a subject of every work, too.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startGateway } from "../tests/suites/support/gateway.mjs";
import { closeChromium, inChromium } from "./chromium.mjs";
import { inNode, onceInNode } from "./node.mjs";
import { OLD, servePackages } from "./packages.mjs";
import { OLD as OLD_SUBJECT, ROWS } from "./rows.mjs";
import { table } from "./table.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, runtime: { type: "string" } },
});
const { IM_CHATS_BENCH: installed } = process.env;
/**
 * Engines do not compile a program the same way twice, and what is started first fares worse: so all start again, in another order.
 * What else a machine does comes and goes within seconds: many short rounds find it beside all subjects, a few long ones do not.
 */
const GENERATIONS = options.quick ? 2 : 4;
const ROUNDS = options.quick ? 3 : 6;
const SHARE = options.quick ? 0.1 : 1;

const NODES = { "Node 20": join(installed, "node_modules/node20/bin/node"), "Node 22": join(installed, "node_modules/node22/bin/node") };
const forEachNode = (make) => Object.fromEntries(Object.entries(NODES).map(([name, binary]) => [name, make(binary)]));
const RUNTIMES = { ...forEachNode(inNode), Chromium: inChromium };
const ONCE = forEachNode(onceInNode);

/** What a share of the values lies below. */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at % 1);
}
const median = (values) => quantile(values, 0.5);

/** The members in the order of a round: each second round is the one before it backwards, and after two of them another begins. */
function inTurn(members, round) {
  const begin = round - (round % 2);
  const rotated = members.map((_, index) => members[(index + begin) % members.length]);
  return round % 2 ? rotated.reverse() : rotated;
}

/** A gateway with a chat, and a log of `events`. */
async function prepared(events) {
  const gateway = await startGateway({ args: ["--heartbeat-interval-ms", "1000"] });
  const [, { chat }] = await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
  const generate = async (count) => {
    const [status, body] = await gateway.call("POST", "/emulator/v1/events:generate", { count });
    if (status !== 200) throw new Error(`events:generate: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const { last: head } = events > 0 ? await generate(events) : { last: 0 };
  return { address: gateway.address, token: gateway.token, chat: chat.guid, head, generate, stop: () => gateway.stop() };
}

/** The costs of every round: `[{ subject: { cpuMs, ms } }]`. */
async function measure(row, runtime, subjects, count) {
  const rounds = [];
  for (let generation = 0; generation < (row.generations ?? GENERATIONS); generation += 1) {
    rounds.push(...(await alternate(row, runtime, inTurn(subjects, generation), count)));
  }
  return rounds;
}

/** Starts all subjects, and lets them do their work in turn. */
async function alternate(row, runtime, subjects, count) {
  const rounds = [];
  const toClose = [];
  try {
    const log = row.log ? Math.round(count * 1.1) : 0;
    const shared = row.live ? undefined : await prepared(log);
    if (shared) toClose.push(() => shared.stop());
    const runners = new Map();
    for (const { name, subject, entry, package: its } of subjects) {
      // Events reach everyone who listens, so each has a gateway to itself then.
      const world = shared ?? (await prepared(log));
      if (!shared) toClose.push(() => world.stop());
      const { generate, stop: _, ...where } = world;
      const task = { ...where, subject, entry, package: packages.entries[its], work: row.work, bytes: row.bytes };
      if (row.once) {
        runners.set(name, () => ONCE[runtime]({ ...task, count }, generate));
        continue;
      }
      const runner = await RUNTIMES[runtime](task, generate);
      toClose.push(() => runner.close());
      // The engine shall have compiled what it compiles, as it has in a program that lives on.
      await runner.run(Math.ceil(count * (row.warm ?? 1)));
      runners.set(name, () => runner.run(count));
    }
    for (let round = 0; round < (row.rounds ?? ROUNDS); round += 1) {
      const costs = {};
      for (const { name } of inTurn(subjects, round)) costs[name] = await runners.get(name)();
      rounds.push(costs);
    }
  } finally {
    for (const close of toClose.reverse()) await close();
  }
  return rounds;
}

function judge(row, runtime, rounds, count) {
  return row.verdicts
    .filter(({ of }) => rounds[0][of] !== undefined)
    .map(({ title, value: valueOf, cost, alone, ...verdict }) => {
      const value = median(rounds.map((costs) => valueOf(costs, count, "ours")));
      const met = verdict.must === undefined || (verdict.better === "more" ? value >= verdict.must : value <= verdict.must);
      const old = OLD && !alone && before(rounds, (costs) => valueOf(costs, count, "old"), cost);
      return { work: row.title, runtime, compared: title, ...verdict, value, met, old: old || undefined, rounds: rounds.length, count };
    });
}

/** The version before: its value, and its cost with the present one's = 1: the median of the rounds, and what half of them lie between. */
function before(rounds, valueOf, cost) {
  const value = median(rounds.map(valueOf));
  if (!cost) return { value };
  const ratios = rounds.map(({ ours, old }) => old[cost] / ours[cost]);
  const [ratio, low, high] = [0.5, 0.25, 0.75].map((share) => quantile(ratios, share));
  return { value, ratio, low, high };
}

const packages = await servePackages();
const results = [];
for (const row of ROWS) {
  if (options.only && !row.work.includes(options.only)) continue;
  for (const runtime of row.runtimes) {
    if (options.runtime && runtime !== options.runtime) continue;
    const count = Math.max(row.least ?? 1, Math.round(row.count * SHARE));
    // The version before next to the present one: what is compared closest is measured closest.
    const all = row.subjects.flatMap((each) => (OLD && each.name === "ours" ? [each, OLD_SUBJECT] : [each]));
    const subjects = all.filter(({ browser }) => runtime !== "Chromium" || browser);
    for (const result of judge(row, runtime, await measure(row, runtime, subjects, count), count)) {
      results.push(result);
      const mark = result.must === undefined ? "" : result.met ? `  (must reach ${result.must}: yes)` : `  MISSED: must reach ${result.must}`;
      console.log(`${result.runtime.padEnd(9)} ${result.work}, ${result.compared}: ${result.value.toFixed(2)} ${result.unit}${mark}`);
    }
  }
}
await closeChromium();
await packages.close();
if (results.length === 0) throw new Error("nothing is called like that");
console.log(`\n${table(results, OLD, { wide: true })}\n`);
writeFileSync(positionals[0], `${JSON.stringify({ node: process.version, quick: options.quick, old: OLD, results }, null, 1)}\n`);
if (results.some(({ met }) => !met)) process.exitCode = 1;
