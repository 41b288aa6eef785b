// The results of the clients as a table: in Markdown, which can be read on a terminal, too.

/** A figure of a row. */
export const shown = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2));

const withUnit = (value, unit) => `${shown(value)} ${unit}`.trim();
const bound = ({ must, better }) => (must === undefined ? "–" : `${better === "more" ? "≥" : "≤"} ${must}`);
const verdict = ({ must, met }) => (must === undefined ? "" : met ? "yes" : "**no**");

/** What the version before costs with the present one's cost = 1, and between what half of the rounds lie. */
const ratio = ({ old }) => (old?.ratio === undefined ? "–" : `${shown(old.ratio)} (${shown(old.low)} to ${shown(old.high)})`);

const COLUMNS = [
  ["work", ({ work }) => work],
  ["runtime", ({ runtime }) => runtime],
  ["compared", ({ compared }) => compared],
  ["value", ({ value, unit }) => withUnit(value, unit), "right"],
  ["the version before", ({ old, unit }) => (old ? withUnit(old.value, unit) : "–"), "right", "old"],
  ["its cost, with the present one = 1", ratio, "right", "old"],
  ["must reach", bound, "right"],
  ["aim", ({ aim }) => String(aim ?? "–"), "right"],
  ["reached", verdict],
];

/** All results, one a line; with the version before when it was measured. `wide` aligns the columns for a terminal. */
export function table(results, old, { wide = false } = {}) {
  const columns = COLUMNS.filter(([, , , only]) => old || !only);
  const cells = [columns.map(([name]) => name), ...results.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, at) => (wide ? Math.max(...cells.map((line) => line[at].length)) : 1));
  const isRight = (at) => columns[at][2] === "right";
  const line = (texts) => `| ${texts.map((text, at) => (isRight(at) ? text.padStart(widths[at]) : text.padEnd(widths[at]))).join(" | ")} |`;
  const rule = `|${widths.map((width, at) => (isRight(at) ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n");
}
