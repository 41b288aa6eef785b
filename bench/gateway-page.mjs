// The gateway's part of performance.md and its plot, from the results of `im-chats-gateway-bench`.

export const number = (value) => {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
};
const withUnit = (value, unit) => (value === undefined ? "–" : `${number(value)} ${unit}`);
const percent = (share) => (share === undefined ? "–" : `${Math.round(share * 100)} %`);
const sockets = (count) => (count === undefined ? "–" : count.toLocaleString("en-US"));
const of = (results, key) => results.rows.filter((row) => row.key === key).sort((a, b) => a.subscribers - b.subscribers);

export const line = ({ what, subscribers, value, unit, limit, limitName, share }) =>
  `| ${what} | ${sockets(subscribers)} | ${withUnit(value, unit)} | ${withUnit(limit, unit)} | ${limitName ?? "–"} | ${percent(share)} |`;

/** What one more subscriber adds, from each number of them to the next. */
function growth(results) {
  const [cpu, memory] = ["eventCpu", "growth"].map((key) => of(results, key));
  const steps = cpu.slice(1).map((row, index) => {
    const before = cpu[index];
    const more = row.subscribers - before.subscribers;
    const kib = (memory[index + 1].value * row.subscribers - memory[index].value * before.subscribers) / more;
    const micros = (row.value - before.value) / more;
    return `| ${sockets(before.subscribers)} → ${sockets(row.subscribers)} | ${number(micros)} µs | ${number(kib)} KiB |`;
  });
  return ["| subscribers | CPU per event and subscriber | memory per subscriber |", "|---|--:|--:|", ...steps].join("\n");
}

/** The gateway's tables, as Markdown. */
export function gatewaySection(results) {
  return `| what | sockets | value | limit | what the limit is | share of the limit |
|---|--:|--:|--:|---|--:|
${results.rows.map(line).join("\n")}

What each further subscriber adds while events flow:

${growth(results)}

- The release binary runs as a child process, its data on a real disk; each figure comes from a fresh one. CPU and memory are that
  process's own. Rates and times have client and server on the same ${results.cores} cores.
- 100 % is the limit: what these parts do when they do nothing else. The same rows of the same log go into SQLite with the same
  settings, where a commit is on the disk before it returns; the same bytes in the same frames come from an axum WebSocket server.
  The slowest writes of both sides are the disk's, and differ by chance.
- Every subscriber checks that its batches follow each other and end with the event they say; one in each run looks at every event. A
  lost or misplaced one fails the run.
- Idle sockets have one subscription each and must get their heartbeats. Memory is the gateway's resident memory, without the kernel's
  socket buffers; while events flow it is the peak. With one subscriber that is what the process grows by once, such as a connection to
  the database for readers that fall behind, rather than what a subscriber costs: the second table has that.
- The value is the median of ${results.rounds} rounds, and a share the median of the rounds' own shares.
`;
}

const WIDTH = 420;
const HEIGHT = 260;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 45;
const OURS = "#2f5f9e";
const LIMIT = "#8a8a8a";

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** One set of axes, both logarithmic: every decade is a line. */
function panel(rows, title, left) {
  const decade = Math.log10;
  const values = rows.flatMap(({ value, limit }) => [value, limit]).filter((value) => value > 0);
  const [low, high] = [Math.floor(decade(Math.min(...values))), Math.ceil(decade(Math.max(...values)))];
  const [first, last] = [decade(rows[0].subscribers), decade(rows.at(-1).subscribers)];
  const x = (subscribers) => left + LEFT + ((decade(subscribers) - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((high - decade(value)) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const place = (subscribers, value) => `${x(subscribers).toFixed(1)},${y(value).toFixed(1)}`;
  const grid = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)).map(
    (value) =>
      `<line x1="${left + LEFT}" x2="${left + WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>
<text x="${left + LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${compact.format(value)}</text>`,
  );
  const ticks = rows.map(
    ({ subscribers }) => `<text x="${x(subscribers).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${sockets(subscribers)}</text>`,
  );
  const curve = (field, colour, other, dash) => {
    const shown = rows.filter((row) => row[field] > 0);
    const points = shown.map((row) => place(row.subscribers, row[field])).join(" ");
    const dots = shown.map((row, index) => {
      const anchor = index === 0 ? "start" : index === shown.length - 1 ? "end" : "middle";
      // The greater of the two has its number above.
      const isAbove = row[field] > (row[other] ?? 0);
      return `<circle cx="${x(row.subscribers).toFixed(1)}" cy="${y(row[field]).toFixed(1)}" r="3" fill="${colour}"/>
<text x="${x(row.subscribers).toFixed(1)}" y="${(y(row[field]) + (isAbove ? -8 : 16)).toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${compact.format(row[field])}</text>`;
    });
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>\n${dots.join("\n")}`;
  };
  return `<text x="${left + LEFT}" y="24" font-weight="bold">${title}</text>
${grid.join("\n")}
${ticks.join("\n")}
<text x="${left + LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">subscribers</text>
${curve("limit", LIMIT, "value", ' stroke-dasharray="5 4"')}
${curve("value", OURS, "limit", "")}`;
}

/** Deliveries per second and memory per subscriber against the number of subscribers, beside the limits, as SVG. */
export function gatewayPlot(results) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${HEIGHT + 24}" font-family="sans-serif" font-size="12">
<title>The gateway's fan-out beside its limits</title>
<rect width="100%" height="100%" fill="white"/>
${panel(of(results, "delivered"), "events delivered per second", 0)}
${panel(of(results, "growth"), "KiB of memory per subscriber while events flow", WIDTH)}
<line x1="${LEFT}" x2="${LEFT + 28}" y1="${HEIGHT + 10}" y2="${HEIGHT + 10}" stroke="${OURS}" stroke-width="2"/>
<text x="${LEFT + 34}" y="${HEIGHT + 14}">the gateway</text>
<line x1="${LEFT + 130}" x2="${LEFT + 158}" y1="${HEIGHT + 10}" y2="${HEIGHT + 10}" stroke="${LIMIT}" stroke-width="2" stroke-dasharray="5 4"/>
<text x="${LEFT + 164}" y="${HEIGHT + 14}">the limit: SQLite's appending, or a bare axum WebSocket with the same bytes</text>
</svg>
`;
}
