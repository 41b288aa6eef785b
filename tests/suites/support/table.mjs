// The tables of `cargo xtask runtimes` and `cargo xtask bundlers`: rows chosen by name, run, printed, and put into a document.

import { readFile, writeFile } from "node:fs/promises";

/** The rows whose name contains one of the arguments, all without one; `--write` among the arguments is not a name. */
export function chooseRows(rows, args) {
  const names = args.filter((argument) => argument !== "--write").map((name) => name.toLowerCase());
  const chosen = rows.filter(({ name }) => names.length === 0 || names.some((part) => name.toLowerCase().includes(part)));
  if (chosen.length === 0) throw new Error(`nothing is called ${names.join(", ")}; there are: ${rows.map(({ name }) => name).join("; ")}`);
  const write = args.includes("--write");
  if (write && chosen.length < rows.length) throw new Error("--write is for the whole table");
  return { chosen, write };
}

/**
 * Runs `tryOut` for each row, some at once since most of the time is waiting, and prints how it went. `tryOut` resolves with
 * the row's cells and, by name, what is wrong.
 */
export async function runRows(rows, atOnce, tryOut) {
  const results = [];
  const waiting = [...rows.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, row] = next;
      const result = await tryOut(row).catch((error) => ({ cells: [row.name], wrong: [{ name: "start", error: `${error.stack}` }] }));
      results[index] = result;
      console.log(`${result.wrong.length === 0 ? "ok    " : "FAILED"}  ${result.cells.join(", ")}`);
      for (const { name, error } of result.wrong) console.log(`        ${name}\n${`${error}`.replace(/^/gm, "          ")}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

/**
 * Prints the table. A row that failed makes the process fail; when none did and `document` is given, the table there is
 * replaced, between the comments `<!-- table: … -->` and `<!-- end of table -->`.
 */
export async function finish(heads, results, document) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const table = [line(heads), line(heads.map(() => "---")).replaceAll(" ", ""), ...results.map(({ cells }) => line(cells))].join("\n");
  console.log(`\n${table}`);
  const failed = results.filter(({ wrong }) => wrong.length > 0).length;
  if (failed > 0) {
    console.error(`\n${failed} of ${results.length} failed`);
    process.exitCode = 1;
  } else if (document) {
    const text = await readFile(document, "utf8");
    const block = /(<!-- table: [^\n]+ -->\n)[^]*?(<!-- end of table -->)/;
    if (!block.test(text)) throw new Error(`${document} has no place for the table`);
    await writeFile(document, text.replace(block, (_, start, end) => `${start}\n${table}\n\n${end}`));
  }
}
