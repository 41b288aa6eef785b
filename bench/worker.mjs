// One subject doing one work in a Node process of its own: `node worker.mjs` with the task as JSON in BENCH_TASK.
// Answers the parent with what it cost: CPU time of this process, and time.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { WORKS, follow } from "./works.mjs";

const task = JSON.parse(process.env.BENCH_TASK);
const from = (folder) => (name) => import(pathToFileURL(createRequire(join(folder, "package.json")).resolve(name)).href);
const loaders = { ours: () => importOurs(), peer: from(task.installed), hand: undefined };

async function importOurs() {
  // `resolve` would take the `require` condition, and the package has only modules.
  return import(pathToFileURL(join(task.project, "node_modules/im-chats/node.js")).href);
}

const begin = { cpu: process.cpuUsage(), at: performance.now() };
const cost = ({ cpu, at }) => {
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, ms: performance.now() - at };
};

const { open } = await import(`./subjects/${task.subject}.mjs`);
// Everywhere the same: the one of Node 22 costs more.
const WebSocket = (await from(task.installed)("ws")).default;
const subject = await open({ address: task.address, token: task.token, entry: task.entry, load: loaders[task.subject], WebSocket });
const generate = (count) => process.send({ generate: count });

if (task.work === "start") {
  await subject.count();
  process.send({ result: cost(begin) });
} else if (task.work === "stalled") {
  // One stream takes an event and stops; another reads on, which shows when everything was offered.
  const stalled = await subject.live();
  const quick = await subject.live();
  const seen = follow(quick.stream, quick.first);
  const read = (count) => {
    const all = seen(count);
    generate(count);
    return all;
  };
  const waiting = stalled.first ?? stalled.stream[Symbol.asyncIterator]().next();
  await read(2000);
  await waiting;
  gc();
  const before = process.memoryUsage();
  await read(task.count);
  gc();
  const after = process.memoryUsage();
  process.send({ result: { grownMiB: (after.heapUsed + after.external - before.heapUsed - before.external) / 1024 / 1024 } });
} else {
  const run = await WORKS[task.work](subject, { ...task, generate });
  // The engine shall have compiled what it compiles, as it has in a program that lives on.
  await run(task.warm);
  const start = { cpu: process.cpuUsage(), at: performance.now() };
  await run(task.count);
  process.send({ result: cost(start) });
}
process.disconnect();
process.exit(0);
