// An example of `examples/`, installed as its README says: by npm from its lock file, with the packed package in the place of `pkg/`, outside
// the repository.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

const env = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this through \`cargo xtask test\``);
  return value;
};

/** What is no source: left by whoever tried the example in the repository. */
const LEFTOVERS = /\/(node_modules|dist|\.next|\.wrangler|\.dev\.vars|\.env\.local|cursor\.txt)$/;

/**
 * Installs an example; what `cargo xtask test` installed of it before (`IM_CHATS_EXAMPLES`) is taken, but for the package itself. Gives its
 * folder, `run` for a program there that ends, and `remove`.
 */
export async function installExample(name) {
  const home = await mkdtemp(join(tmpdir(), "im-chats-example-"));
  const folder = join(home, "examples", name);
  await mkdir(join(home, "examples"));
  const installed = createRequire(join(env("IM_CHATS_PROJECT"), "package.json"));
  await cp(dirname(installed.resolve("im-chats/package.json")), join(home, "pkg"), { recursive: true });
  await cp(join(env("IM_CHATS_ROOT"), "examples", name), folder, { recursive: true, filter: (path) => !LEFTOVERS.test(path) });
  const here = (program, args, options = {}) => run(program, args, { cwd: folder, timeout: 170_000, ...options });
  const before = process.env.IM_CHATS_EXAMPLES && join(process.env.IM_CHATS_EXAMPLES, name, "node_modules");
  if (before && existsSync(before)) {
    // Hard links where they are possible: Next.js is 340 MB.
    await here("cp", ["-al", before, "node_modules"]).catch(() => cp(before, join(folder, "node_modules"), { recursive: true, verbatimSymlinks: true }));
    const to = join(folder, "node_modules/im-chats");
    await rm(to, { recursive: true, force: true });
    await cp(join(home, "pkg"), to, { recursive: true });
  } else {
    await here("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]);
  }
  return { folder, run: here, remove: () => rm(home, { recursive: true, force: true, maxRetries: 5 }) };
}

/** The groups of processes that are to end with this one. */
const groups = new Set();
process.once("exit", () => groups.forEach((pid) => signal(pid, "SIGKILL")));

function signal(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended.
  }
}

/**
 * Starts a program that goes on, with all the processes that it starts, and waits for the line that `ready` matches; without `ready` it waits for
 * nothing. `onLine` is called with every line. Gives the match, `output()`, `ended` (the exit code, or the signal), `stop()` and `kill()`.
 */
export async function startProgram(program, args, { ready, onLine = () => {}, ...options }) {
  const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  groups.add(child.pid);
  const ended = once(child, "exit").then(([code, name]) => {
    // What it left behind is not left behind.
    signal(child.pid, "SIGKILL");
    groups.delete(child.pid);
    return code ?? name;
  });
  let output = "";
  let found;
  const matched = new Promise((resolve) => (found = resolve));
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      output += `${line}\n`;
      onLine(line);
      const match = ready?.exec(line);
      if (match) found(match);
    });
  }
  const end = (name) => {
    signal(child.pid, name);
    return ended;
  };
  try {
    const match = ready && await Promise.race([
      matched,
      ended.then((code) => Promise.reject(new Error(`${program} ended with ${code} before it was ready:\n${output}`))),
    ]);
    return { match, pid: child.pid, output: () => output, ended, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
}
