// One subject in a Node process of its own: `node worker.mjs` with the task as JSON in BENCH_TASK. It does as much of its work as the
// parent asks for, and answers with what that cost: CPU time of this process, all its threads, and time.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { WORKS, follow } from "./works.mjs";

const began = { cpu: process.cpuUsage(), at: performance.now() };
const now = () => ({ cpu: process.cpuUsage(), at: performance.now() });
const since = ({ cpu, at }) => {
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1000, ms: performance.now() - at };
};

const task = JSON.parse(process.env.BENCH_TASK);
const from = (folder) => (name) => import(pathToFileURL(createRequire(join(folder, "package.json")).resolve(name)).href);
const loaders = { ours: () => import(task.package.node), peer: from(task.installed) };
const generate = (count) => process.send({ generate: count });

const { open } = await import(`./subjects/${task.subject}.mjs`);
const needsSocket = task.subject === "hand" && ["live", "replay"].includes(task.work);
// Everywhere the same one: Node 20 has none, and that of Node 22 costs more.
const WebSocket = needsSocket ? (await from(task.installed)("ws")).default : undefined;
const subject = await open({ ...task, load: loaders[task.subject], WebSocket });

const ONCE = {
  async start() {
    await subject.count();
    return since(began);
  },

  /** One stream takes an event and stops; another reads on, which shows when everything was offered. */
  async stalled() {
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
    const used = () => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return (heapUsed + external) / 1024 / 1024;
    };
    const before = used();
    await read(task.count);
    return { grownMiB: used() - before };
  },
};

if (task.once) {
  process.send({ cost: await ONCE[task.work]() });
} else {
  const run = await WORKS[task.work](subject, { ...task, generate });
  process.on("message", async ({ run: count }) => {
    const start = now();
    await run(count);
    process.send({ cost: since(start) });
  });
  process.send({ ready: true });
}
