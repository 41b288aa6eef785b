// Starts the real gateway binary for a test: a free port, a data directory of its own, a token of its own.
//
//   const gateway = await startGateway();
//   … gateway.address, gateway.token …
//   await gateway.stop();

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { listeningAddress } from "./child.mjs";

/** The binary under test; `cargo xtask test` says where it is. */
export const gatewayBinary = () => {
  const binary = process.env.IM_CHATS_GATEWAY;
  if (!binary) throw new Error("IM_CHATS_GATEWAY must name the gateway's binary; run this through `cargo xtask test`");
  return binary;
};

/**
 * Starts an emulator (or, by `command`, a relay) and waits until it listens.
 *
 * `data` keeps state over several starts; without it the directory is temporary and goes with `stop()`. `listen` takes the
 * address of an earlier start again.
 */
export async function startGateway({ command = "emulator", data, args = [], token = randomBytes(12).toString("hex"), listen = "127.0.0.1:0" } = {}) {
  const own = data ?? (await mkdtemp(join(tmpdir(), "im-chats-data-")));
  // Whatever happens to this process, the gateway does not stay behind.
  const options = [command, "--exit-with-parent", "--listen", listen, "--data", own, "--token", token, ...args];
  const child = spawn(gatewayBinary(), options, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const address = await listeningAddress(child, exited, () => log);

  const end = async (signal) => {
    child.kill(signal);
    const [code] = await exited;
    if (data === undefined && signal !== "SIGKILL") await rm(own, { recursive: true, force: true });
    return code;
  };
  return {
    address,
    token,
    data: own,
    pid: child.pid,
    /** Resolves with its exit code, or the signal that ended it. */
    ended: exited.then(([code, signal]) => code ?? signal),
    /** What it wrote on stderr until now. */
    log: () => log,
    /** Drains; the exit code. */
    stop: () => end("SIGTERM"),
    /** Dies at once; a temporary data directory stays for the next start. */
    kill: () => end("SIGKILL"),
    /** A call of REST or of the control plane, without the SDK: `[status, body]`. */
    async call(method, path, body) {
      const answer = await fetch(new URL(path, address), {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return [answer.status, await answer.json()];
    },
  };
}

/** Starts a relay in front of another gateway. */
export function startRelay(upstream, { args = [], ...options } = {}) {
  const where = ["--upstream", upstream.address, "--upstream-token", upstream.token];
  return startGateway({ ...options, command: "relay", args: [...where, ...args] });
}
