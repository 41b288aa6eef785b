// Calls every method of the vendor's SDK and says what came of each.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { outcomeOf } from "../outcome.mjs";
import { resolveInstalled } from "../sdk.mjs";
import { openWorld } from "../world.mjs";
import { CALLS } from "./calls.mjs";
import { SHAPES, misfits } from "./shapes.mjs";

/** The transports of the vendor's SDK, and how a person calls them. */
export const TRANSPORTS = { http: "HTTP", grpc: "gRPC" };

/** The longest that one call may take. */
const CALL_MS = 30_000;

/** The methods that the declarations of the installed SDK have over a transport, as `resource.method`. */
export async function declaredMethods(transport) {
  const folder = dirname(resolveInstalled("@photon-ai/advanced-imessage/http"));
  const text = (await readFile(join(folder, `${transport}.d.ts`), "utf8")).replace(/\/\*\*[^]*?\*\//g, "");
  const resources = text.matchAll(/interface (\w+)Resource \{\n([^]*?)\n\}/g);
  return [...resources].flatMap(([, name, body]) =>
    [...body.matchAll(/^ {4}(\w+)\(/gm)].map(([, method]) => `${name[0].toLowerCase()}${name.slice(1)}.${method}`),
  );
}

/** What came of every call over one transport at one place: a map of the method's name to `served`, a code, or where it differs. */
export async function callAll(transport, place) {
  const world = await openWorld(transport, place);
  const stage = { world, im: world.im };
  const results = new Map();
  try {
    for (const call of CALLS) {
      if (call.grpcOnly && transport !== "grpc") continue;
      results.set(call.method, await inTime(resultOf(call, stage)));
    }
    return results;
  } finally {
    await world.close();
  }
}

async function resultOf({ run, shape, rest, refused, as = "IMessageError" }, stage) {
  const { value, error } = await outcomeOf(stage.world.module, () => run(stage));
  if (error) {
    return refused && refused === error.code && as === error.class ? error.code : `differs: ${[error.class, error.code, error.message].filter(Boolean).join(", ")}`;
  }
  const [first, ...others] = rest ? value : [value];
  const places = [...misfits(SHAPES[shape], first), ...others.flatMap((item) => misfits(SHAPES[rest], item))];
  return places.length === 0 ? "served" : `differs: ${[...new Set(places)].slice(0, 5).join("; ")}`;
}

function inTime(promise) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(() => resolve(`differs: not within ${CALL_MS} ms`), CALL_MS)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The table of docs/compatibility.md, from the results by transport. */
export function methodsTable(results) {
  const cell = (transport, method) => {
    const result = results[transport].get(method);
    if (result === undefined) return "—";
    return result === "served" ? "served" : result.startsWith("differs") ? result : `\`${result}\``;
  };
  const rows = CALLS.map(({ method }) => `| \`${method}\` | ${Object.keys(TRANSPORTS).map((transport) => cell(transport, method)).join(" | ")} |`);
  return ["| method | HTTP | gRPC |", "|---|---|---|", ...rows].join("\n");
}
