// docs/compatibility.md, made from what was seen. `cargo xtask compat` writes it.

import { writeFile } from "node:fs/promises";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

import { DIFFERENCES } from "./differences.mjs";
import { callAll, methodsTable, TRANSPORTS } from "./methods/run.mjs";
import { play } from "./play.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";
import { SDKS } from "./sdk.mjs";

/** How many scenarios are played at a time. */
const AT_A_TIME = 2;

const HEAD = `# Compatibility

What the service's documentation of chats (docs.photon.codes) says, and what three programs do against this repository's gateway: the service's
own SDK, \`@photon-ai/advanced-imessage\` 2.2.0, over HTTP and over gRPC, and \`im-chats\`. Every cell is from a run: \`cargo xtask compat\` writes
this page, and \`cargo xtask test interop\` fails when it is no longer what the run gives. The scenarios are in
[tests/suites/interop/scenarios](../tests/suites/interop/scenarios).

✓ means as documented, ✗ means otherwise, with what was seen. Where the page says nothing, what was seen stands alone. — means that there is
no such method in that SDK, or that the row is not about it. Behind a relay the suite sees the same. What \`im-chats\` has and that SDK has not, such
as [\`im.chats.list\`](chats.md), is on no row.
`;

const MEANT = `
## Where im-chats differs on purpose

The suite compares every value, error and field of the runs above. These are all the differences; another one fails it.

| difference | why |
|---|---|
`;

const BESIDE = `
Beside the table, each with a test of its own:

- **Requests** (\`wire.test.mjs\`). Method, path, query, headers and body are the same. But im-chats gives every write an idempotency key unless
  \`autoIdempotency\` is false, and theirs gives none unless it is true; a \`clientMessageId\` is that key too; and \`isTyping: false\` is written out.
- **Events of the real service** (\`every-event.test.mjs\`). Every change of a message, chat, group and poll that the service's protos have comes out of
  \`events.catchUp\` with the same fields in both SDKs. One that neither knows yet is passed over by theirs; im-chats gives it as \`unknown\`.
- **After a cut** (\`chain.test.mjs\`). Their stream ends, and what comes next is the program's to do. Ours goes on, also in a page, also when the service and
  the relay before it die; nothing is missing or twice.
`;

const METHODS = `
## All methods of their SDK

\`@photon-ai/advanced-imessage\` has 94 methods: 44 over HTTP, and over gRPC the same and 6 more. Each is called over its transport, and what it
gives is held against its documented shape, field by field (\`methods.test.mjs\`; behind a relay the suite gets the same). "Served" means that it
does what is asked and gives what is documented. The others are refused with an error of that code, before anything is done. That of
\`messages.getEmbeddedMedia\` is the one that is documented: no message here has Digital Touch or handwriting, and of such a message the service
gives a \`ValidationError\` with this code.

`;

/** What came of every method of their SDK, by transport. */
export async function callEverything() {
  const results = {};
  for (const transport of Object.keys(TRANSPORTS)) results[transport] = await callAll(transport, "emulator");
  return results;
}

/** The page, from the answers of every scenario in every SDK, and what came of every method of theirs. */
export function page(played, methods) {
  const sections = new Map();
  for (const scenario of SCENARIOS) {
    const rows = sections.get(scenario.section) ?? [];
    const cells = SDKS.map((sdk) => cell(scenario, played.get(scenario)?.[sdk]));
    sections.set(scenario.section, [...rows, row([scenario.behaviour, scenario.documented, ...cells])]);
  }
  const head = [row(["behaviour", "documented", "their SDK, HTTP", "their SDK, gRPC", "im-chats"]), "|---|---|---|---|---|"];
  const tables = [...sections].map(([section, rows]) => `\n## ${section}\n\n${[...head, ...rows].join("\n")}\n`);
  const meant = DIFFERENCES.map(({ what, why }) => row([what, why])).join("\n");
  return `${HEAD}${tables.join("")}${METHODS}${methodsTable(methods)}\n${MEANT}${meant}\n${BESIDE}`;
}

function cell({ documented }, result) {
  if (!result) return "—";
  const [holds, seen] = result.answer;
  return documented.startsWith("(") ? seen : `${holds ? "✓" : "✗"} ${seen}`;
}

const row = (cells) => `| ${cells.map((text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;

async function playAll() {
  const played = new Map();
  const left = [...SCENARIOS];
  const work = async () => {
    for (let scenario = left.shift(); scenario; scenario = left.shift()) played.set(scenario, await play(scenario));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return played;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(argv[2], page(await playAll(), await callEverything()));
