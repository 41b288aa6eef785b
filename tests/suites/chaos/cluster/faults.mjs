// What breaks in a cluster, each by a name that a report can use. One resolves when it is healed: what was killed runs again,
// what was cut is whole. `long` is a time in which a lease ends and another relay takes over.

import { setTimeout as pause } from "node:timers/promises";

import { eventually } from "../../support/until.mjs";
import { CUTS, SILENCES } from "../faults.mjs";

/** A relay that is killed, and comes back with its data after a while. */
async function kill({ dice }, relay, mostMs = 600) {
  await relay.kill();
  await pause(dice.between(0, mostMs));
  await relay.start();
}

/** A process that stands still for longer than a lease, and then goes on as if nothing had been. */
async function freeze(world, member, ms = long(world)) {
  member.freeze();
  await pause(ms);
  member.thaw();
}

/** Links that carry nothing for a while: neither end is told. */
async function partition(links, ms) {
  const heal = links.map((link) => link.partition());
  await pause(ms);
  for (const release of heal) release();
}

const long = ({ cluster, dice }) => Math.round(cluster.leaseMs * (1.3 + dice.random()));

const ingester = ({ cluster }) => cluster.ingester();

/** A relay that serves, and does not write where there is another one. */
async function front(world) {
  const writer = await ingester(world);
  const { fronts } = world.cluster;
  return world.dice.pick(fronts.filter((relay) => relay !== writer));
}

const leader = ({ cluster }) => cluster.leader();

async function follower(world) {
  const leads = await leader(world);
  return world.dice.pick(world.cluster.nats.nodes.filter((node) => node !== leads));
}

async function restartNats({ dice }, node, mostMs = 3_000) {
  await node.kill();
  await pause(dice.between(0, mostMs));
  await node.start();
}

async function isolate(world, node, ms = long(world)) {
  const heal = world.cluster.nats.isolate(node);
  await pause(ms);
  heal();
}

/** The faults, by the part of the cluster that they break: two at the same time are of two parts. */
export const FAULTS = {
  "ingester kill -9": { part: "relays", weight: 4, run: async (world) => kill(world, await ingester(world), 4_000) },
  "ingester frozen": { part: "relays", weight: 4, run: async (world) => freeze(world, await ingester(world)) },
  "ingester cut from NATS": { part: "relays", weight: 3, run: async (world) => partition((await ingester(world)).wires, long(world)) },
  "ingester cut from the upstream": {
    part: "relays",
    weight: 2,
    run: async (world) => partition([(await ingester(world)).upstream], long(world)),
  },
  "two ingesters: the lease is deleted": {
    part: "relays",
    weight: 3,
    async run({ cluster }) {
      await cluster.deleteLease();
      // Until the two have met: the one before, which does not know yet, and whoever takes over.
      await pause(cluster.leaseMs);
    },
  },
  "front kill -9": { part: "relays", weight: 3, run: async (world) => kill(world, await front(world)) },
  "front frozen": { part: "relays", weight: 3, run: async (world) => freeze(world, await front(world)) },
  "front cut from NATS": { part: "relays", weight: 3, run: async (world) => partition((await front(world)).wires, long(world)) },
  "rolling restart": {
    part: "relays",
    weight: 1,
    async run({ cluster }) {
      for (const relay of cluster.relays) {
        await relay.drain();
        await relay.start();
        await cluster.healthy();
      }
    },
  },
  "NATS leader kill -9": { part: "nats", weight: 4, run: async (world) => restartNats(world, await leader(world)) },
  "NATS leader frozen": { part: "nats", weight: 3, run: async (world) => freeze(world, await leader(world), world.dice.between(4_000, 9_000)) },
  "NATS leader cut off": { part: "nats", weight: 3, run: async (world) => isolate(world, await leader(world)) },
  "NATS follower kill -9": { part: "nats", weight: 2, run: async (world) => restartNats(world, await follower(world)) },
  "NATS follower frozen": { part: "nats", weight: 2, run: async (world) => freeze(world, await follower(world)) },
  "NATS follower cut off": { part: "nats", weight: 2, run: async (world) => isolate(world, await follower(world)) },
  "NATS leader cut off, ingester cut from the others": {
    part: "nats and relays",
    weight: 2,
    async run(world) {
      const { nodes } = world.cluster.nats;
      const [node, relay] = [await leader(world), await ingester(world)];
      const others = relay.wires.filter((_, index) => nodes[index] !== node);
      const ms = long(world);
      await Promise.all([isolate(world, node, ms), partition(others, ms)]);
    },
  },
  "NATS node replaced": {
    part: "nats",
    weight: 2,
    async run(world) {
      const { nats } = world.cluster;
      const node = world.dice.random() < 0.5 ? await leader(world) : await follower(world);
      const { stream } = await world.cluster.log();
      await node.kill();
      // As the runbook says: a majority must have everything, before one comes that has nothing.
      await eventually("the two that are left have everything", 30_000, async () => {
        const { cluster } = await nats.ask((client) => client.api(`STREAM.INFO.${stream}`));
        const left = cluster?.replicas?.filter(({ name }) => name !== node.name) ?? [];
        const leads = cluster?.leader && cluster.leader !== node.name;
        return leads && left.length === 1 && left.every(({ current, offline }) => current && !offline);
      });
      await node.wipe();
      await node.start();
    },
  },
  "NATS without a majority": {
    part: "nats",
    weight: 1,
    async run(world) {
      const [, ...lost] = world.cluster.nats.nodes;
      await Promise.all(lost.map((node) => node.kill()));
      await pause(long(world));
      await Promise.all(lost.map((node) => node.start()));
    },
  },
  "all of NATS kill -9": {
    part: "nats",
    weight: 1,
    async run({ cluster, dice }) {
      await Promise.all(cluster.nats.nodes.map((node) => node.kill()));
      await pause(dice.between(0, 2_000));
      await Promise.all(cluster.nats.nodes.map((node) => node.start()));
    },
  },
  "slow links": {
    part: "nats",
    weight: 2,
    async run({ cluster, dice }) {
      const links = [...cluster.relays.flatMap(({ wires }) => wires), ...cluster.nats.nodes.flatMap(({ routes }) => [...routes.values()])];
      for (const link of links) link.delay = dice.between(1, 60);
      await pause(dice.between(2_000, 5_000));
      for (const link of links) link.delay = 0;
    },
  },
  "emulator kill -9": {
    part: "upstream",
    weight: 2,
    async run({ cluster, dice }) {
      await cluster.emulator.kill();
      await pause(dice.between(0, 1_500));
      await cluster.emulator.start();
    },
  },
  "emulator frozen": { part: "upstream", weight: 1, run: (world) => freeze(world, world.cluster.emulator) },
  ...Object.fromEntries(
    Object.entries({ ...CUTS, ...SILENCES })
      // A kill is a relay's here.
      .filter(([name]) => name !== "kill -9")
      .map(([name, { run }]) => {
        const atTheDoor = ({ cluster, dice }) => run({ proxy: cluster.door, dice });
        return [`client: ${name}`, { part: "clients", weight: 0.4, run: atTheDoor }];
      }),
  ),
};
