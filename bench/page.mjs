// `node page.mjs RESULTS GATEWAY_RESULTS DOCS`: writes performance.md and its plots from the results of a whole run. The section of
// cluster-page.mjs stays as it is.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { clusterOf } from "./cluster-page.mjs";
import { gatewayPlot, gatewaySection } from "./gateway-page.mjs";
import { shown, table } from "./table.mjs";

const [clients, gateway, docs] = process.argv.slice(2);
const { node, old, results: rows } = JSON.parse(readFileSync(clients, "utf8"));
const gatewayResults = JSON.parse(readFileSync(gateway, "utf8"));

/** What the page says of the version before, when there was one. */
const before = old
  ? `
- the version before: the package of commit ${old}, driven by the same program;`
  : "";
const beforeRatio = old
  ? `
- The cost of the version before with the present one's = 1 is such a ratio, too: above 1 the present one costs less. Half of the
  rounds lie in the range beside it.`
  : "";

/** How far each comparison that must reach something is from it: 1 is just reached, to the right is better. */
function plot() {
  const bars = rows.filter(({ must }) => must !== undefined);
  const height = 26;
  const scale = 130;
  const most = 4;
  const left = 560;
  const share = ({ value, must, better }) => Math.min(most, better === "more" ? value / must : must / Math.max(value, must / most));
  const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const bar = (row, index) => {
    const y = 34 + index * height;
    const beside = { peer: " beside the service's own SDK", hand: " beside code by hand" }[row.of] ?? "";
    const name = escape(`${row.work}${beside}, ${row.runtime}`);
    return [
      `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${name}</text>`,
      `<rect x="${left}" y="${y + 2}" width="${(share(row) * scale).toFixed(1)}" height="16" fill="${row.met ? "#2f7d4f" : "#b3402e"}"/>`,
      `<text x="${(left + share(row) * scale + 6).toFixed(1)}" y="${y + 14}">${shown(row.value)} ${row.unit}</text>`,
    ].join("\n");
  };
  const bottom = 40 + bars.length * height;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + most * scale + 110} ${bottom + 8}" font-family="sans-serif" font-size="12">
<title>Benchmarks against what must be reached</title>
<rect width="100%" height="100%" fill="white"/>
<text x="${left}" y="20">what must be reached is the line; longer is better</text>
${bars.map(bar).join("\n")}
<line x1="${left + scale}" x2="${left + scale}" y1="28" y2="${bottom}" stroke="black" stroke-dasharray="4 3"/>
</svg>
`;
}

const cluster = clusterOf(docs);
writeFileSync(join(docs, "performance.svg"), plot());
writeFileSync(join(docs, "performance-gateway.svg"), gatewayPlot(gatewayResults));
writeFileSync(
  join(docs, "performance.md"),
  `# Performance

Written by \`cargo xtask bench\`, which fails when something that must be reached is not. \`cargo xtask bench --quick\` shows in a few
minutes whether it runs; \`--only live --runtime "Node 22"\` runs a part, \`--only gateway\` the gateway. \`--only cluster\` measures several
relays over one log, and writes their section.

## The client

![Each comparison against what must be reached](performance.svg)

${table(rows, old)}

${old ? "Four" : "Three"} subjects do the same work ([works.mjs](../bench/works.mjs)):

- im-chats from its packed package;${before}
- the service's own SDK, \`@photon-ai/advanced-imessage\` 2.2.0, over gRPC for streams and over HTTP for calls;
- code written by hand ([hand.mjs](../bench/subjects/hand.mjs)): \`ws\` (in Chromium its own WebSocket), \`JSON.parse\`, a queue; \`fetch\`.

How:

- Each is a process (in Chromium: a page) of its own and lives on. After a share of the work that is not counted, so that engines have
  compiled what they compile, they take turns: a block of work each, in another order each round. All are then started
  again, in another order, since what starts first fares worse.
- CPU is that of the client's process alone, with all its threads: \`process.cpuUsage()\`, in Chromium the renderers' time of
  \`SystemInfo.getProcessInfo\`.
- A ratio is the median of the rounds' own ratios. What else the machine does hits all subjects of a round alike.${beforeRatio}

The run was driven by Node ${node.slice(1)}, all on one machine with ${gatewayResults.cores} cores.

## The gateway

![Events delivered per second, and memory per subscriber](performance-gateway.svg)

${gatewaySection(gatewayResults)}${cluster}`,
);
