// The figures in README.md are those of the pages that the measuring commands write: a page that is written again must not leave README
// behind.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const read = (path) => readFile(join(process.env.IM_CHATS_ROOT, path), "utf8");

/** The rows of a page's tables, each a list of its cells. */
const rows = (page) =>
  page
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.replaceAll("*", "").trim()));

/** The one row whose first cells begin like these. */
function row(page, ...cells) {
  const found = rows(page).filter((row) => cells.every((cell, index) => row[index]?.startsWith(cell)));
  assert.equal(found.length, 1, `${found.length} rows begin with ${cells.join(" | ")}`);
  return found[0];
}

const kilobytes = (bytes) => `${(Number(bytes.replaceAll(",", "")) / 1000).toFixed(1)} KB`;
const times = (value) => `${Number.parseFloat(value).toFixed(1)} ×`;

test("README tells the size that size.md has", async () => {
  const [readme, size] = await Promise.all([read("README.md"), read("docs/size.md")]);
  const [, ours, theirs] = row(readme, "download, wasm and JavaScript, brotli");
  assert.equal(ours, kilobytes(row(size, "im-chats: ").at(-1)));
  assert.equal(theirs.split(",")[0], kilobytes(row(size, "`createHttpClient` of @photon-ai/advanced-imessage").at(-1)));
});

for (const [title, work] of [
  ["live events per second of CPU, Node 20", "live events"],
  ["events replayed per second of CPU, Node 20", "replay of"],
]) {
  test(`README tells the ${title} that performance.md has`, async () => {
    const [readme, performance] = await Promise.all([read("README.md"), read("docs/performance.md")]);
    const measured = row(performance, work, "Node 20", "events per CPU second, with the service's own SDK");
    assert.equal(row(readme, title)[1], times(measured[3]));
  });
}
