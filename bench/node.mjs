// Subjects in Node: each in a process of its own, which `worker.mjs` is.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const { IM_CHATS_BENCH: installed } = process.env;

function start(binary, task, generate) {
  const child = fork(fileURLToPath(new URL("./worker.mjs", import.meta.url)), [], {
    execPath: binary,
    execArgv: ["--expose-gc"],
    env: { ...process.env, BENCH_TASK: JSON.stringify({ ...task, installed }) },
  });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`${task.subject}, ${task.work}: exit ${code}`);
  });
  // It does so in the end, when nobody waits for it any more.
  died.catch(() => {});
  const listeners = new Set();
  child.on("message", (message) => {
    if (message.generate) generate(message.generate).catch((error) => child.kill() && console.error(error));
    else for (const listener of listeners) listener(message);
  });
  const answer = (name) => {
    const told = new Promise((resolve) => {
      const listener = (message) => {
        if (!(name in message)) return;
        listeners.delete(listener);
        resolve(message[name]);
      };
      listeners.add(listener);
    });
    return Promise.race([told, died]);
  };
  return { child, answer };
}

/** A subject that stays: `run(count)` gives what so much of the work cost. */
export const inNode = (binary) => async (task, generate) => {
  const { child, answer } = start(binary, task, generate);
  await answer("ready");
  return {
    run(count) {
      const cost = answer("cost");
      child.send({ run: count });
      return cost;
    },
    async close() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
};

/** A subject that does its work once, from the start of its process; what that cost. */
export const onceInNode = (binary) => async (task, generate) => {
  const { child, answer } = start(binary, { ...task, once: true }, generate);
  const cost = await answer("cost");
  child.kill();
  return cost;
};
