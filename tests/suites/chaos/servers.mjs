// What stands behind the proxy: an emulator; or a relay with an emulator as its upstream, and a second proxy between the two.
// Events are written into the emulator in either case, and its log is what the programs' events are compared with.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { startGateway } from "../support/gateway.mjs";
import { startProxy } from "../support/proxy.mjs";

/** A gateway that can be killed and comes back with its data and its token, at another port. */
class Restartable {
  #options;
  now;

  constructor(options) {
    this.#options = options;
  }

  async start() {
    this.now = await startGateway(this.#options);
    return this;
  }

  async restart(downMs) {
    await this.now.kill();
    await pause(downMs);
    await this.start();
  }
}

/** `relay`: whether there is one. `args` are for all of them. */
export async function startServers({ relay, args, token }) {
  const data = await mkdtemp(join(tmpdir(), "im-chats-chaos-"));
  const emulator = await new Restartable({ data: join(data, "emulator"), token, args }).start();
  if (!relay) {
    return {
      emulator: () => emulator.now,
      front: () => emulator.now,
      restart: (downMs) => emulator.restart(downMs),
      async stop() {
        await emulator.now.stop();
        await rm(data, { recursive: true, force: true });
      },
    };
  }
  const wire = await startProxy(emulator.now.address);
  const upstream = ["--upstream", wire.address, "--upstream-token", token, "--upstream-silence-ms", "5000"];
  const own = { command: "relay", data: join(data, "relay"), token, args: [...upstream, "--poll-interval-ms", "500", ...args] };
  const front = await new Restartable(own).start();
  const restartUpstream = async (downMs) => {
    await emulator.restart(downMs);
    wire.target = emulator.now.address;
  };
  return {
    emulator: () => emulator.now,
    front: () => front.now,
    wire,
    restartUpstream,
    /** The relay, and now and then its upstream with it. */
    async restart(downMs, dice) {
      await Promise.all([front.restart(downMs), dice.random() < 0.3 && restartUpstream(dice.between(0, 1500))]);
    },
    async stop() {
      await front.now.stop();
      await wire.close();
      await emulator.now.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}
