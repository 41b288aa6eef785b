// `node cluster-page.mjs DOCS RESULTS [OLD_RESULTS OLD_COMMIT]`: writes the section about several relays over one log in performance.md, from
// the results of `im-chats-gateway-bench cluster`. `socketsApart` in them says that the rows about sockets were taken from another run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { line, number } from "./gateway-page.mjs";

const TITLE = "\n## A cluster\n";
const PAGE = "performance.md";

/** The section as the page has it. */
export function clusterOf(docs) {
  const page = readFileSync(join(docs, PAGE), "utf8");
  const begin = page.indexOf(TITLE);
  return begin < 0 ? "" : page.slice(begin);
}

const CORES = 2;
/** How much of its cores a front may use: what comes at once, and what another front leaves behind, needs room. */
const BUSY = 0.5;
/** `--max-connections` by default. */
const MOST = 32_768;
const SOCKETS = [1_000, 10_000, 30_000, 100_000, 300_000];
const RATES = [0, 1, 10];

/** What sockets cost, from the rows. */
function costs({ rows }) {
  const of = (key) => rows.filter((row) => row.key === key).sort((a, b) => a.subscribers - b.subscribers);
  const perSocket = (key) => {
    const [first, last] = [of(key)[0], of(key).at(-1)];
    return (last.value - first.value) / (last.subscribers - first.subscribers);
  };
  return {
    memory: perSocket("idleMemory"),
    own: of("idleMemory")[0].value,
    cpu: Math.max(0, perSocket("idleCpu")) / 60,
    delivery: of("trickleCpu")[0].value / 1e6,
    event: of("burstCpu")[0].value / 1e6,
  };
}

/** How many fronts so many sockets need, and what each has. */
function fronts({ memory, own, cpu, delivery, event }) {
  const lines = SOCKETS.map((sockets) => {
    const cells = RATES.map((rate) => {
      const cores = sockets * (cpu + rate * delivery) + rate * event;
      const needed = Math.max(Math.ceil(cores / (CORES * BUSY)), Math.ceil(sockets / MOST));
      const left = sockets / needed;
      return `${needed} + 1, ${number((100 * cores) / (CORES * needed))} %, ${number(own + left * memory)} MiB`;
    });
    return `| ${sockets.toLocaleString("en-US")} | ${cells.join(" | ")} |`;
  });
  const titles = RATES.map((rate) => (rate === 0 ? "nothing comes" : `${rate} event${rate > 1 ? "s" : ""} a second to each`));
  return [`| sockets | ${titles.join(" | ")} |`, `|--:|${titles.map(() => "---|").join("")}`, ...lines].join("\n");
}

/** The part about sockets; none before they were measured. */
function forSockets(results) {
  if (!results.rows.some(({ key }) => key === "trickleCpu")) return "";
  const cost = costs(results);
  return `
### Fronts for sockets

From these figures, of 5,000 sockets at most, so that larger numbers are computed and not measured: an idle socket takes ${number(cost.memory * 1024)} KiB and ${number(cost.cpu * 1e6)} µs of CPU a second, a front ${number(cost.own)} MiB before the first one; an event
that comes alone takes ${number(cost.delivery * 1e6)} µs of CPU for each socket that gets it. How many fronts of ${CORES} such cores that needs, none busier than ${BUSY * 100} % and none
with more than ${MOST.toLocaleString("en-US")} sockets (\`--max-connections\`), one more that may be lost, and how busy and large each of them is then:

${fronts(cost)}

An event counts for those sockets only that get it: a token for some chats gets theirs. \`ulimit -n\` must allow one file for each socket,
and the kernel's buffers of a socket come on top.
`;
}

function section(results, old, commit) {
  const beside = old
    ? `
One process alone, beside commit ${commit}, the last one without any of this; \`cargo xtask bench --only cluster --old ${commit}\`, the median
of ${old.rounds} rounds on a busy machine (a share above 100 % is better than before).${old.note ? ` ${old.note}` : ""}

| what | value | commit ${commit} | share of it |
|---|--:|--:|--:|
${old.rows.map(({ what, value, unit, limit, share }) => `| ${what} | ${number(value)} ${unit} | ${number(limit)} ${unit} | ${Math.round(share * 100)} % |`).join("\n")}
`
    : "";
  return `${TITLE}
Several relays over one log: \`cargo xtask bench --only cluster\`. Three servers of NATS that write to their disks at once, a
relay that serves and writes the log (the ingester), and one that only serves (the front), beside one relay that keeps its log alone, each
with the emulator as its upstream and a log of 1,000,000 events at first.

| what | sockets | value | beside it | what that is | share of it |
|---|--:|--:|--:|---|--:|
${results.rows.map(line).join("\n")}

- All of it runs on the same ${results.cores} cores and one disk, the upstream and the readers too; on machines of their own the servers of NATS
  and the relays do not wait for each other. CPU is that of the named processes alone.
- An event is seen once the upstream has written it, NATS has it on the disks of two of its servers, and the front has it in its copy,
  which waits for no disk.
- Memory and disk after all of this are those of a log of about 2,500,000 events: the first million, and the bursts.
- A burst is what comes at once: its events are written together. Idle sockets have one subscription each, the default heartbeats, and
  answer each as the package does.
- The value is the median of ${results.rounds} rounds, and a share the median of the rounds' own shares: above 100 % is better than what is beside
  it. Idle sockets are measured once${results.socketsApart ? ", here in a run of their own (`--only-sockets`) over a log of 50,000 events" : ""}, on a front that was started with its copy.
- Other builds were using the machine meanwhile: times and rates, the p99 above all, are those of a busy machine; CPU and shares say more.
${forSockets(results)}${beside}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [docs, results, old, commit] = process.argv.slice(2);
  const read = (path) => path && JSON.parse(readFileSync(path, "utf8"));
  const page = readFileSync(join(docs, PAGE), "utf8");
  const before = page.slice(0, page.length - clusterOf(docs).length);
  writeFileSync(join(docs, PAGE), before + section(read(results), read(old), commit));
}
