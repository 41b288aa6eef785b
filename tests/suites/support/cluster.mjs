// Several relays over one log in NATS, with all that belongs to them: NATS servers, an emulator as the upstream, and one address
// for clients. Every link between two processes has a proxy of its own, and every process can be killed, frozen and started again.
//
//   const cluster = await startCluster({ dice: seeded(1) });
//   … createClient({ address: cluster.door.address, token: cluster.token }) …
//   await cluster.stop();

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { health, startBalancer } from "./balancer.mjs";
import { startGateway } from "./gateway.mjs";
import { startNats } from "./nats.mjs";
import { startProxy } from "./proxy.mjs";
import { eventually } from "./until.mjs";

/** The name of the log. */
const ACCOUNT = "chaos";

/** The bucket with what the relays share. */
export const BUCKET = `im-chats-${ACCOUNT}`;

/** How long one that writes shows that it does, by what its upstream sends it. */
const LOOK_MS = 300;

/**
 * Starts everything and waits until every relay is healthy. `roles` has one for each relay; `args` are for all gateways, and
 * `leaseMs` is the relays' lease.
 */
export async function startCluster({
  dice,
  roles = ["auto", "auto", "auto"],
  leaseMs = 3_000,
  args = [],
  token = randomBytes(12).toString("hex"),
  size = 3,
}) {
  const data = await mkdtemp(join(tmpdir(), "im-chats-cluster-"));
  const undo = [() => rm(data, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const nats = await startNats({ size });
    undo.push(() => nats.stop());
    const emulator = new Member("the emulator", { data: join(data, "emulator"), token, args });
    await emulator.start();
    undo.push(() => emulator.stop());
    const relays = [];
    for (const [index, role] of roles.entries()) {
      const wires = await Promise.all(nats.nodes.map((node) => startProxy(() => `http://${node.address}`)));
      const upstream = await startProxy(() => emulator.now.address);
      undo.push(() => Promise.all([...wires, upstream].map((wire) => wire.close())));
      const log = wires.map((wire) => wire.address.replace("http:", "nats:")).join(",");
      const relay = new Member(`relay-${index + 1}`, {
        command: "relay",
        data: join(data, `relay-${index + 1}`),
        token,
        args: [
          ...["--upstream", upstream.address, "--upstream-token", token, "--upstream-silence-ms", "5000", "--poll-interval-ms", "500"],
          ...["--log", log, "--log-name", ACCOUNT, "--log-replicas", String(size), "--role", role, "--lease-ms", String(leaseMs)],
          ...["--nats-monitor", nats.nodes.map((node) => node.monitor).join(",")],
          ...args,
        ],
      });
      relays.push(Object.assign(relay, { role, wires, upstream }));
    }
    await Promise.all(relays.map((relay) => relay.start()));
    undo.push(() => Promise.all(relays.map((relay) => relay.stop())));
    const fronts = relays.filter(({ role }) => role !== "ingest");
    const door = await startBalancer(() => fronts.filter(({ runs }) => runs).map(({ now }) => now.address), dice);
    undo.push(() => door.close());
    const cluster = new Cluster({ nats, emulator, relays, fronts, door, token, leaseMs, stop });
    await cluster.healthy();
    await eventually("the balancer knows the fronts", 10_000, () => door.healthy().length === fronts.length);
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

class Cluster {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Waits until NATS is whole, every process runs, and every relay says that it is healthy. */
  async healthy(ms = 60_000) {
    const died = this.died();
    if (died) throw new Error(died);
    await this.nats.ready(ms);
    const looks = this.relays.map(async (relay) => {
      const look = eventually(`${relay.name} is healthy`, ms, async () => (await health(relay.now.address)) === 200);
      await look.catch((error) => {
        throw new Error(`${error.message}\n${relay.now.log()}`, { cause: error });
      });
    });
    await Promise.all(looks);
  }

  /** What ended by itself, if anything did. */
  died() {
    return [this.emulator, ...this.relays].find((member) => member.died)?.died;
  }

  /** The relay that writes the log at this moment: the one to which the upstream tells something. */
  ingester() {
    return eventually("a relay writes the log", 30_000, async () => {
      const writers = this.relays.filter(({ role }) => role !== "front");
      const before = writers.map(({ upstream }) => upstream.carried);
      await pause(LOOK_MS);
      const carried = writers.map(({ upstream }, index) => upstream.carried - before[index]);
      const most = Math.max(...carried);
      return most > 0 && writers[carried.indexOf(most)];
    });
  }

  /** The log of this moment: its id, its stream and its subject. */
  log() {
    // While a leader is elected, JetStream has no answer for anybody.
    return eventually("NATS says which log it is", 30_000, async () => JSON.parse(await this.nats.ask((client) => client.key(BUCKET, "log"))));
  }

  /** The node of NATS that leads the log's stream. */
  leader() {
    return eventually("the stream has a leader", 30_000, async () => this.nats.leader((await this.log()).stream));
  }

  /** Takes the lease from whoever holds it, who does not learn of it before it renews it. */
  async deleteLease() {
    await eventually("the lease is deleted", 30_000, async () => {
      await this.nats.ask((client) => client.deleteKey(BUCKET, "lease"));
      return true;
    });
  }
}

/** A gateway that keeps its name, its address, its data and its token over restarts. */
class Member {
  name;
  /** The gateway of this moment. */
  now;
  /** Whether it was started, and not ended since. */
  runs = false;
  /** What there is to say of an end that nobody asked for. */
  died;
  #options;

  constructor(name, options) {
    this.name = name;
    this.#options = options;
  }

  async start() {
    this.now = await startGateway({ ...this.#options, ...(this.now && { listen: new URL(this.now.address).host }) });
    this.runs = true;
    const { now } = this;
    void now.ended.then((how) => {
      if (this.runs && this.now === now) this.died = `${this.name} ended by itself (${how}):\n${now.log()}`;
    });
  }

  /** The process of this moment. */
  get pid() {
    return this.now.pid;
  }

  /** Resolves when the process of this moment ends, whoever ended it. */
  ended() {
    return this.now.ended;
  }

  /** It ended, and that was meant. */
  gone() {
    this.runs = false;
    this.died = undefined;
  }

  async kill() {
    this.runs = false;
    await this.now.kill();
  }

  /** Drains it, and waits for its end. */
  async drain() {
    this.runs = false;
    const code = await this.now.stop();
    if (code !== 0) throw new Error(`${this.name} did not end as it should: ${code}\n${this.now.log()}`);
  }

  freeze() {
    process.kill(this.now.pid, "SIGSTOP");
  }

  thaw() {
    process.kill(this.now.pid, "SIGCONT");
  }

  async stop() {
    if (!this.runs) return;
    // Whoever froze it: frozen, it would not hear that it should end.
    this.thaw();
    this.runs = false;
    await this.now.stop();
  }
}
