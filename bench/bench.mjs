// `node bench.mjs RESULTS [--quick]`: all rows, alternating between subjects, round after round; writes the results as JSON.
// `cargo xtask bench` runs it. Each ratio is the median of the rounds' own ratios, so that what the machine does meanwhile,
// which all subjects of a round share, falls out.
import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startGateway } from "../tests/support/gateway.mjs";
import { inChromium } from "./chromium.mjs";
import { ROWS } from "./rows.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, runtime: { type: "string" } },
});
const { IM_CHATS_PROJECT: project, IM_CHATS_BENCH: installed } = process.env;
const ROUNDS = Number(process.env.R ?? (options.quick ? 2 : 7));
const SHARE = options.quick ? 0.1 : 1;

const nodes = { "Node 20": join(installed, "node_modules/node20/bin/node"), "Node 22": join(installed, "node_modules/node22/bin/node") };

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** A gateway with a chat, and a log of `events`. */
async function prepared(events) {
  const gateway = await startGateway({ args: ["--heartbeat-interval-ms", "1000"] });
  const [, { chat }] = await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
  let head = 0;
  const generate = async (count) => {
    const [status, body] = await gateway.call("POST", "/emulator/v1/events:generate", { count });
    if (status !== 200) throw new Error(`events:generate: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  if (events > 0) head = (await generate(events)).last;
  return { gateway, generate, head, chat: chat.guid };
}

/** One subject, one work, one process. */
function inNode(binary, task, generate) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("./worker.mjs", import.meta.url)), [], {
      execPath: binary,
      execArgv: ["--expose-gc", ...(process.env.PROF ? ["--cpu-prof", "--cpu-prof-interval", "200", `--cpu-prof-dir=${process.env.PROF}/${task.subject}`] : [])],
      env: { ...process.env, BENCH_TASK: JSON.stringify({ ...task, project, installed }) },
    });
    let result;
    child.on("message", (message) => {
      if (message.result) result = message.result;
      else generate(message.generate).catch(reject);
    });
    child.on("error", reject);
    child.on("exit", (code) => (result ? resolve(result) : reject(new Error(`${task.subject}, ${task.work}: exit ${code}`))));
  });
}

async function measure(row, runtime) {
  const count = Math.max(row.least ?? 1, Math.round(row.count * SHARE));
  const subjects = row.subjects.filter((subject) => runtime !== "Chromium" || subject.browser);
  if (subjects.length < 2 && row.compare) return [];
  const { gateway, generate, head, chat } = await prepared(row.log ? Math.round(count * 1.1) : 0);
  const rounds = [];
  try {
    for (let round = 0; round < (row.rounds ?? ROUNDS); round += 1) {
      const costs = {};
      // Another one begins each time.
      for (let index = 0; index < subjects.length; index += 1) {
        const { name, ...subject } = subjects[(index + round) % subjects.length];
        const task = { ...subject, work: row.work, count, warm: Math.ceil(count * (row.warm ?? 0.1)), bytes: row.bytes, head, chat };
        const where = { ...task, address: gateway.address, token: gateway.token };
        costs[name] = await (runtime === "Chromium" ? inChromium(where, generate, gateway) : inNode(nodes[runtime], where, generate));
      }
      rounds.push(costs);
    }
  } finally {
    await gateway.stop();
  }
  return rounds.length === 0 ? [] : row.verdicts.filter(({ of }) => subjects.some(({ name }) => name === of)).map((verdict) => {
    const value = median(rounds.map((costs) => verdict.value(costs, count)));
    const met = verdict.must === undefined || (verdict.better === "more" ? value >= verdict.must : value <= verdict.must);
    return { work: row.title, runtime, compared: verdict.title, value, ...verdict, value, met, rounds: rounds.length, count };
  });
}

const results = [];
for (const row of ROWS) {
  if (options.only && !row.work.match(options.only)) continue;
  for (const runtime of row.runtimes) {
    if (options.runtime && runtime !== options.runtime) continue;
    for (const result of await measure(row, runtime)) {
      results.push(result);
      const mark = result.must === undefined ? "" : result.met ? `  (must reach ${result.must}: yes)` : `  MISSED: must reach ${result.must}`;
      console.log(`${result.runtime.padEnd(9)} ${result.work}, ${result.compared}: ${result.value.toFixed(2)} ${result.unit}${mark}`);
    }
  }
}
writeFileSync(positionals[0], `${JSON.stringify({ node: process.version, quick: options.quick, results }, null, 1)}\n`);
if (results.some(({ met }) => !met)) process.exitCode = 1;
