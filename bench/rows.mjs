// The table: what is measured, with whom it is compared, and what must be reached.
//
// `value` takes the costs of a round, how much was done, and whose value is wanted: that of `ours` must reach something, and that of
// `old`, the version before, stands beside it. `cost` names what both are compared by directly; less is better.

const OURS = { name: "ours", subject: "ours", package: "ours", browser: true };
const HAND = { name: "hand", subject: "hand", browser: true };
const PEER_GRPC = { name: "peer", subject: "peer", entry: "grpc" };
const PEER_HTTP = { name: "peer", subject: "peer", entry: "http" };

/** The version before: the same program around an earlier package. It does every work that ours does. */
export const OLD = { ...OURS, name: "old", package: "old" };

const NODES = ["Node 20", "Node 22"];
const ALL = [...NODES, "Chromium"];

/** How many times the units per CPU second of another. */
const faster = (of, title, must, aim) => ({
  of,
  title,
  must,
  aim,
  better: "more",
  unit: "×",
  cost: "cpuMs",
  value: (costs, _, who) => costs[of].cpuMs / costs[who].cpuMs,
});

/** How many times the cost of another. */
const costs = (of, title, must, aim, cost = "cpuMs") => ({
  of,
  title,
  must,
  aim,
  better: "less",
  unit: "×",
  cost,
  value: (all, _, who) => all[who][cost] / all[of][cost],
});

const perCpuSecond = {
  of: "ours",
  title: "events per CPU second",
  unit: "",
  cost: "cpuMs",
  value: (all, count, who) => (count / all[who].cpuMs) * 1000,
};
const perCall = { of: "ours", title: "CPU per call", unit: "ms", cost: "cpuMs", value: (all, count, who) => all[who].cpuMs / count };

const calls = (work, title) => ({
  work,
  title,
  runtimes: ALL,
  count: 1_280,
  least: 64,
  warm: 10,
  subjects: [OURS, HAND, PEER_HTTP],
  verdicts: [costs("hand", "CPU, with raw fetch = 1", 1.25, 1.05), costs("peer", "CPU, with the service's own SDK = 1"), perCall],
});

export const ROWS = [
  {
    work: "live",
    title: "live events",
    runtimes: ALL,
    live: true,
    // Fewer are too few: a block of 40,000 takes 40 ms of CPU, which one garbage collection more or less changes by a tenth, and the
    // engine's first, slow code of the wasm is still in use then.
    count: 200_000,
    warm: 3,
    subjects: [OURS, HAND, PEER_GRPC],
    verdicts: [
      faster("peer", "events per CPU second, with the service's own SDK = 1", 6, 8),
      faster("hand", "events per CPU second, with ws and JSON.parse by hand = 1", 0.95, 1),
      perCpuSecond,
    ],
  },
  {
    work: "replay",
    title: "replay of 1,000,000 events",
    runtimes: ALL,
    count: 1_000_000,
    warm: 0.05,
    generations: 2,
    rounds: 3,
    log: true,
    subjects: [OURS, HAND, PEER_GRPC],
    verdicts: [
      faster("peer", "events per CPU second, with the service's own SDK = 1", 6, 8),
      faster("hand", "events per CPU second, with ws and JSON.parse by hand = 1", 0.95, 1),
      perCpuSecond,
    ],
  },
  calls("parallel", "get and markRead, 32 at once"),
  calls("sequence", "get and markRead, one after the other"),
  {
    work: "background",
    title: "setBackground of 8 MB",
    runtimes: ALL,
    count: 3,
    bytes: 8_000_000,
    subjects: [OURS, HAND, PEER_HTTP],
    verdicts: [
      costs("hand", "time, with fetch and a concatenated body = 1", 1.15, 0.5, "ms"),
      costs("peer", "time, with the service's own SDK = 1", undefined, undefined, "ms"),
    ],
  },
  {
    work: "start",
    title: "import, createClient and the first answer",
    runtimes: NODES,
    once: true,
    count: 1,
    subjects: [OURS, PEER_HTTP],
    verdicts: [
      costs("peer", "time, with the service's own SDK = 1", 1, 0.5, "ms"),
      costs("peer", "CPU, with the service's own SDK = 1", 1),
    ],
  },
  {
    work: "stalled",
    title: "a stalled consumer, 400,000 events offered",
    runtimes: NODES,
    once: true,
    live: true,
    count: 400_000,
    generations: 1,
    rounds: 3,
    subjects: [OURS, PEER_GRPC],
    verdicts: [
      // Both versions grow by about nothing, and how many times nothing says nothing: no `cost`.
      { of: "ours", title: "heap", must: 2, better: "less", unit: "MiB more", value: (all, _, who) => all[who].grownMiB },
      { of: "peer", title: "heap of the service's own SDK", unit: "MiB more", alone: true, value: ({ peer }) => peer.grownMiB },
    ],
  },
];
