// `cargo xtask runtimes`: the conformance program in every runtime, as a table.

import { chooseRows, finish, runRows } from "../support/table.mjs";
import { RUNTIMES, runIn } from "./runtimes.mjs";

const { chosen, write } = chooseRows(RUNTIMES, process.argv.slice(2));

const results = await runRows(chosen, 2, async (runtime) => {
  const { version, report } = await runIn(runtime);
  const wrong = report.filter(({ error }) => error !== undefined);
  return { cells: [runtime.name, version, `${report.length - wrong.length} of ${report.length}`], wrong };
});

await finish(["runtime", "version", "checks passed"], results, write && new URL("../../../docs/runtimes.md", import.meta.url));
