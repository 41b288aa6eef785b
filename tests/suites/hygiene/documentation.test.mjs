// Everything that the package exports is documented where an editor looks: in its declarations.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { exportsOf, gaps } from "./documentation.mjs";

const { IM_CHATS_PROJECT: project, IM_CHATS_HYGIENE: tools } = process.env;
const ts = createRequire(join(tools, "package.json"))("typescript-6.0");

const compile = (entries) =>
  ts.createProgram(entries, {
    lib: ["lib.es2022.d.ts"],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    types: [],
  });

/** The declarations of every file that the package's manifest names. */
async function entriesOf(folder) {
  const { exports } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(files));
  const named = files(exports).filter((file) => !/\.(json|wasm)$/.test(file));
  return [...new Set(named.map((file) => join(folder, file.replace(/(\.d\.ts|\.js)$/, ".d.ts"))))];
}

const folder = join(project, "node_modules/im-chats");
const entries = await entriesOf(folder);
const program = compile(entries);

test("every symbol of every entry is documented", () => {
  assert.deepEqual(gaps(ts, program, folder, entries), []);
});

test("every entry exports the same, and documents its createClient in the same words", () => {
  const all = entries.map((entry) => [entry, exportsOf(ts, program, entry)]).filter(([, exports]) => exports.has("createClient"));
  assert.equal(all.length, 12, all.join());
  const [messages, main] = [true, false].map((wanted) => all.filter(([entry]) => entry.includes("messages") === wanted));
  assert.equal(messages.length, main.length);
  assert.deepEqual([...main[0][1].keys()].filter((name) => !messages[0][1].has(name)), [], "what one entry has, the larger one has, too");
  same(main);
  same(messages);
});

function same(whole) {
  const [[, first]] = whole;
  const checker = program.getTypeChecker();
  const words = (symbol) => [symbol.getDocumentationComment(checker), symbol.getJsDocTags(checker)];
  for (const [entry, exports] of whole) {
    assert.deepEqual([...exports.keys()].sort(), [...first.keys()].sort(), entry);
    assert.deepEqual(words(exports.get("createClient")), words(first.get("createClient")), entry);
    // A call shows the comment of the signature, an import that of the constant.
    const [call] = checker.getTypeOfSymbol(exports.get("createClient")).getCallSignatures();
    assert.deepEqual([call.getDocumentationComment(checker), call.getJsDocTags()], words(first.get("createClient")), entry);
  }
}

test("whatever is not documented is found", async () => {
  const folder = join(project, "undocumented");
  await mkdir(folder, { recursive: true });
  const entry = join(folder, "entry.d.ts");
  await writeFile(
    entry,
    `
export declare const bare: string;
/** Said. */
export interface Owner {
  bare: string;
  /** Said. */
  optional?: string;
  /** Absent = not known. */
  fine?: string;
  /** Said. */
  shape: { x: number };
  /** Said. */
  hidden: Hidden;
  /** Said. */
  method(input: string): Promise<void>;
  /**
   * Said.
   * @param input the input
   * @throws Error when it fails
   * @example
   * owner.whole("");
   */
  whole(input: string): Promise<void>;
}
interface Hidden {}
/** Said: \`a\` is one. */
export type Texts = "a" | "b";
/** Said. */
export declare const Table: { bare: "x" };
/** Said. */
export declare class Made {
  #secret: Hidden;
  private alsoSecret;
  constructor(input: string);
  static bare: string;
}
/** Said. */
export declare function act(): void;
export {};
`,
  );
  assert.deepEqual(gaps(ts, compile([entry]), folder, [entry]).sort(), [
    "Owner.bare: no comment",
    'Owner.hidden: refers to Hidden, which is not exported',
    "Owner.method: no @example",
    "Owner.method: no @throws, although its promise may reject",
    "Owner.method: nothing about the parameter input",
    "Owner.optional: does not say what it is when it is left out: a default, without it, absent",
    "Owner.shape: a shape without a name: { x: number }",
    "Table.bare: no comment",
    'Texts: does not say what "b" means',
    "act: no @example",
    "bare: no comment",
    "new Made: no comment",
    "new Made: nothing about the parameter input",
    "typeof Made.bare: no comment",
  ]);
});
