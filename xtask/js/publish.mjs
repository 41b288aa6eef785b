// What is left to do before a compiled package is one to publish: its types name only what is public, every entry documents its
// `createClient`, and its source maps name its sources as the package does.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const out = process.argv[2];

// The generated types also describe what only the shell uses. It needs the DOM's types and newer ones of TypeScript's, which a
// program that uses the package may not have.
const INTERNAL = [
  "class Client",
  "class EventStream",
  "class Events",
  "function __wbg_set_wasm",
  "interface Host",
  "interface StreamEnd",
  "interface WeakHost",
];

const types = join(out, "wasm/im_chats.d.ts");
let text = readFileSync(types, "utf8");
for (const name of INTERNAL) {
  // A declaration ends with the first line that closes it, and takes the comment above it along.
  const declaration = new RegExp(`(?:^/\\*\\*\\n(?: \\*.*\\n)+)?^export ${name}\\b(?:.*;\\n|[^]*?^\\}\\n)`, "m");
  if (!declaration.test(text)) throw new Error(`${types} has no ${name}: what wasm-bindgen writes has changed, look at it`);
  text = text.replace(declaration, "");
}
// The class with the nine calls has methods that only the shell uses.
for (const name of ["free", "\\[Symbol\\.dispose\\]", "subscribeEvents"]) {
  const method = new RegExp(`(?:^ +/\\*\\*\\n(?: +\\*.*\\n)+)?^ +${name}\\(.*\\n`, "m");
  if (!method.test(text)) throw new Error(`${types} has no method ${name}: what wasm-bindgen writes has changed, look at it`);
  text = text.replace(method, "");
}
writeFileSync(types, `${text.trimEnd()}\n`);

// An editor shows the comment of a call signature at a call, and that of the constant everywhere else. TypeScript has no way to
// write one comment for both, and none for one comment in six entries.
const documented = /^export interface CreateClient \{\n((?: {4}.*\n)+) {4}\(options: ClientOptions\): Client;\n/m;
const [, documentation] = documented.exec(readFileSync(join(out, "options.d.ts"), "utf8")) ?? [];
if (!documentation) throw new Error("options.d.ts has no documented call signature of CreateClient");
for (const entry of readdirSync(out).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(join(out, entry), "utf8");
  const declared = /^(?:\/\*\*.*\*\/\n)?(?=export declare const createClient: CreateClient;$)/m;
  if (declared.test(text)) writeFileSync(join(out, entry), text.replace(declared, () => documentation.replace(/^ {4}/gm, "")));
}

for (const file of readdirSync(out).filter((name) => name.endsWith(".js.map"))) {
  const map = JSON.parse(readFileSync(join(out, file), "utf8"));
  map.sources = map.sources.map((source) => `src/${basename(source)}`);
  writeFileSync(join(out, file), JSON.stringify(map));
}
