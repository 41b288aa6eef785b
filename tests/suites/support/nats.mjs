// NATS servers for a test: a JetStream cluster on loopback, each link between two of its nodes through a proxy of its own, and
// nodes that can be killed, frozen, cut off and replaced.
//
//   const nats = await startNats();
//   … nats.nodes[0].address …
//   await nats.stop();

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { connectNats } from "./nats-client.mjs";
import { startProxy } from "./proxy.mjs";
import { eventually } from "./until.mjs";

/** The server; `cargo xtask test` says where it is. */
export const natsBinary = () => {
  const binary = process.env.IM_CHATS_NATS_SERVER;
  if (!binary) throw new Error("IM_CHATS_NATS_SERVER must name nats-server; run this through `cargo xtask test`");
  return binary;
};

/** With this in front, the system kills the server when this process ends, however it ends. Where it is missing, `stop` must do. */
const TIED = existsSync("/usr/bin/setpriv") ? ["/usr/bin/setpriv", "--pdeathsig", "KILL"] : [];

/** What a server prints about where it is, and the name of each place here. */
const PLACES = {
  client: /Listening for client connections on (\S+)/,
  monitor: /Starting http monitor on (\S+)/,
  route: /Listening for route connections on (\S+)/,
};

/**
 * Starts one server with a configuration of the caller's, and waits until it listens. `log` is given each line that it writes;
 * `routes` says whether it is one of several.
 */
export async function startServer(file, { env = process.env, log = () => {}, routes = false } = {}) {
  const [program, ...args] = [...TIED, natsBinary(), "--config", file];
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const ports = {};
  let written = "";
  const wanted = Object.keys(PLACES).filter((place) => place !== "route" || routes);
  // It says that it is ready, and then where its routes listen.
  await new Promise((resolve, reject) => {
    let ready = false;
    const lines = createInterface({ input: child.stderr });
    lines.on("line", (line) => {
      written += `${line}\n`;
      log(line);
      for (const [place, pattern] of Object.entries(PLACES)) if (pattern.test(line)) ports[place] ??= pattern.exec(line)[1];
      ready ||= line.includes("Server is ready");
      if (ready && wanted.every((place) => ports[place])) resolve();
    });
    lines.on("close", () => reject(new Error(`NATS ended before it was ready:\n${written}`)));
  });
  return {
    child,
    exited,
    ports,
    address: ports.client,
    monitor: `http://${ports.monitor}`,
    /** What it wrote until now. */
    log: () => written,
    /** Dies at once. */
    async close() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Starts `size` servers that form one cluster, and waits until JetStream answers. */
export async function startNats({ size = 3 } = {}) {
  const data = await mkdtemp(join(tmpdir(), "im-chats-nats-"));
  // Nobody may learn a way around the proxies: what a node tells the others about itself leads here.
  const door = await startProxy("http://127.0.0.1:1");
  door.refusing = true;
  const names = Array.from({ length: size }, (_, index) => `nats-${index + 1}`);
  const nodes = names.map((name) => new NatsNode({ name, dir: join(data, name), door }));
  for (const node of nodes) {
    for (const peer of nodes) if (peer !== node) await node.route(peer);
  }
  const cluster = new NatsCluster(nodes, async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await door.close();
    await rm(data, { recursive: true, force: true });
  });
  try {
    await Promise.all(nodes.map((node) => node.start()));
    await cluster.ready();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

class NatsCluster {
  nodes;
  /** Ends all of them and removes what they stored. */
  stop;

  constructor(nodes, stop) {
    this.nodes = nodes;
    this.stop = stop;
  }

  /** Runs `use` with a client of a node that lives, on the way that no proxy is on. */
  async ask(use) {
    const node = this.nodes.find((node) => node.lives && !node.isolated) ?? this.nodes.find((node) => node.lives);
    if (!node) throw new Error("no NATS server lives");
    const client = await connectNats(node.address);
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  /** Waits until the cluster has a leader, and every replica of every stream is there and has everything. */
  async ready(ms = 60_000) {
    const size = this.nodes.length;
    await eventually("the nodes know each other", ms, async () => {
      const looks = this.nodes.map(async ({ name, monitor }) => {
        const { meta_cluster: meta } = await (await fetch(`${monitor}/jsz`, { signal: AbortSignal.timeout(2_000) })).json();
        const others = meta?.leader === name ? (meta.replicas ?? []) : [];
        return size === 1 || (others.length === size - 1 && others.every(({ current, offline }) => current && !offline));
      });
      return (await Promise.all(looks)).some(Boolean);
    });
    await eventually("NATS is whole", ms, () =>
      this.ask(async (client) => {
        const { streams } = await client.api("STREAM.LIST", {});
        // The answer has those streams only whose leaders could be asked.
        const { streams: known } = await client.api("STREAM.NAMES", {});
        if ((streams?.length ?? 0) !== (known?.length ?? 0)) return false;
        const behind = (replica) => replica.offline || !replica.current || (replica.lag ?? 0) > 0;
        return (streams ?? []).every(
          ({ config, cluster }) =>
            size === 1 ||
            config.num_replicas === 1 ||
            (cluster?.leader && (cluster.replicas ?? []).length === config.num_replicas - 1 && !cluster.replicas.some(behind)),
        );
      }),
    );
  }

  /** The node that leads `stream`. */
  async leader(stream) {
    const { cluster } = await this.ask((client) => client.api(`STREAM.INFO.${stream}`));
    return this.nodes.find(({ name }) => name === cluster?.leader);
  }

  /** Cuts `node` from all others in both directions, without a word to either side; the function given back heals it. */
  isolate(node) {
    const others = this.nodes.filter((other) => other !== node);
    const links = [...node.routes.values(), ...others.map((other) => other.routes.get(node))];
    const release = links.map((link) => link.partition());
    node.isolated = true;
    return () => {
      node.isolated = false;
      for (const heal of release) heal();
    };
  }
}

/** One server: it keeps its name and its ports over restarts, and its data, unless `wipe` takes them. */
class NatsNode {
  name;
  /** The proxies through which it reaches each of the others. */
  routes = new Map();
  /** Whether it runs and is not frozen. */
  lives = false;
  /** Whether it is cut from the others. */
  isolated = false;
  #dir;
  #door;
  #ports = {};
  #server;
  #log = "";

  constructor({ name, dir, door }) {
    this.name = name;
    this.#dir = dir;
    this.#door = door;
  }

  async route(peer) {
    const proxy = await startProxy(() => peer.#ports.route && `http://${peer.#ports.route}`);
    this.routes.set(peer, proxy);
  }

  /** Where clients reach it: `host:port`. */
  get address() {
    return this.#ports.client;
  }

  /** Where its monitor answers: `http://host:port`. */
  get monitor() {
    return `http://${this.#ports.monitor}`;
  }

  /** The process of this moment. */
  get pid() {
    return this.#server.child.pid;
  }

  /** What it wrote until now. */
  log() {
    return this.#log;
  }

  async start() {
    await mkdir(this.#dir, { recursive: true });
    const file = join(this.#dir, "nats.conf");
    await writeFile(file, this.#configuration());
    this.#server = await startServer(file, { log: (line) => (this.#log += `${line}\n`), routes: this.routes.size > 0 });
    this.#ports = this.#server.ports;
    this.lives = true;
  }

  #configuration() {
    const port = (place) => this.#ports[place] ?? "127.0.0.1:-1";
    const routes = [...this.routes.values()].map(({ address }) => `nats-route://${new URL(address).host}`);
    const cluster = `cluster {
  name: im-chats
  listen: "${port("route")}"
  # Clients and other nodes keep to the ways that they were given.
  no_advertise: true
  advertise: "${new URL(this.#door.address).host}"
  ping_interval: "2s"
  routes: [${routes.map((route) => `"${route}"`).join(", ")}]
}`;
    return `server_name: ${this.name}
listen: "${port("client")}"
http: "${port("monitor")}"
ping_interval: "2s"
ping_max: 3
jetstream { store_dir: "${join(this.#dir, "store")}", sync_interval: always, max_memory_store: 64MB, max_file_store: 4GB }
${routes.length ? cluster : ""}
`;
  }

  /** Resolves when the process of this moment ends, whoever ended it. */
  ended() {
    return this.#server.exited;
  }

  /** It ended, and that was meant. */
  gone() {
    this.lives = false;
  }

  /** Dies at once. */
  async kill() {
    this.lives = false;
    await this.#server.close();
  }

  /** Stops where it is; its connections stay open. */
  freeze() {
    this.lives = false;
    this.#server.child.kill("SIGSTOP");
  }

  /** Goes on after `freeze`. */
  thaw() {
    this.#server.child.kill("SIGCONT");
    this.lives = true;
  }

  /** Loses everything that it stored, as a new disk does; it must not run. */
  async wipe() {
    await rm(join(this.#dir, "store"), { recursive: true, force: true });
  }

  async close() {
    await this.#server?.close();
    await Promise.all([...this.routes.values()].map((route) => route.close()));
  }
}
