// What is left to do before a compiled package is one to publish: its types name only what is public, every entry documents its
// `createClient`, and its source maps name its sources as the package does.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** `text` without what `pattern` finds, once at least. */
function without(text, pattern, what) {
  if (text.search(pattern) < 0) throw new Error(`no ${what} in the generated types: what wasm-bindgen writes has changed, look at it`);
  return text.replace(pattern, "");
}

/** A declaration is one line, or ends with the first line that closes it, and takes the comment above it along. */
const declaration = (name) => new RegExp(`(?:^/\\*\\*\\n(?: \\*.*\\n)+)?^export ${name}\\b(?:.*[;}]\\n|[^]*?^\\}\\n)`, "gm");

/** The classes with calls have methods that only the shell uses. */
const method = (name) => new RegExp(`(?:^ +/\\*\\*\\n(?: +\\*.*\\n)+)?^ +${name}\\(.*\\n`, "gm");

function publicTypes(file) {
  let text = readFileSync(file, "utf8");
  for (const name of INTERNAL) text = without(text, declaration(name), name);
  for (const name of ["free", "\\[Symbol\\.dispose\\]", "subscribeEvents", "listPage"]) text = without(text, method(name), `method ${name}`);
  return text;
}

const types = join(out, "wasm/im_chats.d.ts");
const main = publicTypes(types);
writeFileSync(types, `${main.trimEnd()}\n`);

// The other wasm has everything of this one. Its types are only what it has besides, so that a type is the same one in both entries.
const more = join(out, "wasm/messages.d.ts");
let text = publicTypes(more);
const shared = new Set([...main.matchAll(/^export ((?:class|interface|type|enum) \w+)/gm)].map(([, name]) => name));
for (const name of shared) text = without(text, declaration(name), name);
const used = [...shared].map((name) => name.split(" ")[1]).filter((name) => new RegExp(`\\b${name}\\b`).test(text.replace(/\/\*[^]*?\*\//g, "")));
const imports = `import type { ${used.sort().join(", ")} } from "./im_chats.js";\n`;
writeFileSync(more, `${imports}${text.trimEnd()}\n`.replace(/\n{3,}/g, "\n\n"));

// An editor shows the comment of a call signature at a call, and that of the constant everywhere else. TypeScript has no way to
// write one comment for both, and none for one comment in all entries.
for (const [file, type, name] of [
  ["options.d.ts", "CreateClient", "createClient"],
  ["messages-types.d.ts", "CreateMessagesClient", "createClient"],
  ["emulator-types.d.ts", "CreateEmulator", "createEmulator"],
]) {
  const documented = new RegExp(`^export interface ${type} \\{\\n((?: {4}.*\\n)+) {4}\\(options\\??: \\w+\\): [\\w<>]+;\\n`, "m");
  const [, documentation] = documented.exec(readFileSync(join(out, file), "utf8")) ?? [];
  if (!documentation) throw new Error(`${file} has no documented call signature of ${type}`);
  for (const entry of readdirSync(out).filter((name) => name.endsWith(".d.ts"))) {
    const text = readFileSync(join(out, entry), "utf8");
    const declared = new RegExp(`^(?:/\\*\\*.*\\*/\\n)?(?=export declare const ${name}: ${type};$)`, "m");
    if (declared.test(text)) writeFileSync(join(out, entry), text.replace(declared, () => documentation.replace(/^ {4}/gm, "")));
  }
}

// Nothing of these is public: the emulator has types of its own.
rmSync(join(out, "wasm/emulator.d.ts"));

for (const file of readdirSync(out).filter((name) => name.endsWith(".js.map"))) {
  const map = JSON.parse(readFileSync(join(out, file), "utf8"));
  map.sources = map.sources.map((source) => `src/${basename(source)}`);
  writeFileSync(join(out, file), JSON.stringify(map));
}
