// `node size.mjs PACKAGE NAMED_WASM PEER [--page PAGE] [--old PACKAGE --old-name COMMIT]`: what a page downloads of im-chats, compared
// with the service's own SDK and with an earlier package. Fails above the budget; writes the page when one is given.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { groupOf } from "./groups.mjs";
import { NOT_USED, PACKAGES, REWRITES } from "./packages.mjs";
import { parts } from "./wasm.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { page: { type: "string" }, old: { type: "string" }, "old-name": { type: "string" } },
});
const [pkg, namedWasm, peer] = positionals;
const { build } = createRequire(join(peer, "package.json"))("esbuild");

/**
 * Brotli, in bytes: wasm and all JavaScript together, with everything of this project in it. 41,475 before the seven packages carried the
 * client, and the 11,500 that a port to them had measured. 1,600 more for scoped tokens: `tokens.create` with its checks, and what errors
 * about tokens and clocks say to do, which no server can know. 760 more for `chats.list`: its options, its pages, its loop, and what an answer of
 * a server without it means. 1,300 more for `events.subscribe`: filters with their checks, the names of all types, and what keeps a filter
 * from a server that does not know it.
 */
const BUDGET = 56_660;

/**
 * The same of `im-chats/messages`, whose wasm has messages and groups besides: seven and five methods with their checks, and the tables of a
 * whole message.
 */
const MESSAGES_BUDGET = 68_160;

/**
 * The same of `im-chats/emulator`, beside the client: the whole service. Most of it is what is known of the world's phone numbers.
 */
const EMULATOR_BUDGET = 640_000;

/** The JavaScript of `im-chats/react` with the inbox, beside the client's and without React. */
const REACT_BUDGET = 7_500;

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const measure = (bytes) => ({ raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli(bytes) });

/** What a browser bundle of `contents` is, minified; without what `external` says, when it is given. */
async function bundle(contents, resolveDir, external) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir },
    absWorkingDir: resolveDir,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    legalComments: "none",
    metafile: true,
    plugins: external ? [{ name: "external", setup: (all) => all.onResolve({ filter: external }, () => ({ external: true })) }] : [],
    write: false,
  });
  const inputs = Object.entries(Object.values(metafile.outputs)[0].inputs);
  return { ...measure(outputFiles[0].contents), inputs: inputs.map(([path, { bytesInOutput }]) => [path, bytesInOutput]) };
}

/** What wasm-bindgen wrote: all JavaScript of this folder of a package. */
const GENERATED = /^(\.\/)?wasm\//;
const WHOLE = 'export * from "./index.js"';

/** What a page downloads of one entry of a package. */
async function download(folder, whole = WHOLE, binary = "im_chats_bg.wasm") {
  const [wasm, js] = [measure(readFileSync(join(folder, "wasm", binary))), await bundle(whole, folder)];
  return { wasm, js, total: Object.fromEntries(["raw", "gzip", "brotli"].map((unit) => [unit, wasm[unit] + js[unit]])) };
}

const { wasm, js, total } = await download(pkg);
const messages = await download(pkg, 'export * from "./messages.js"', "messages_bg.wasm");
const emulator = await download(pkg, 'export * from "./emulator.js"', "emulator_bg.wasm");
// For programs of Node: what a test loads beside the client.
const testing = await bundle('export * from "./testing.js"', pkg, /^node:|\/messages-node\.js$/);
/** What the JavaScript of a page grows by with an entry that it uses beside `im-chats`. */
async function beside(entry, external) {
  const both = await bundle(`${WHOLE}; export * from "./${entry}"`, pkg, external);
  return Object.fromEntries(["raw", "gzip", "brotli"].map((unit) => [unit, both[unit] - js[unit]]));
}

const inbox = await beside("inbox.js");
const react = await beside("react.js", /^react$/);
const old = options.old && (await download(options.old));
const theirs = await bundle('export { createHttpClient } from "@photon-ai/advanced-imessage/http"', peer);

const number = (value) => value.toLocaleString("en-US");
const row = (name, { raw, gzip, brotli }) => `| ${name} | ${number(raw)} | ${number(gzip)} | ${number(brotli)} |`;

const percent = (now, before) => `${now < before ? "−" : now > before ? "+" : ""}${(Math.abs(now / before - 1) * 100).toFixed(1)} %`;
const changed = (name, now, before) => `| ${name} | ${["raw", "gzip", "brotli"].map((unit) => percent(now[unit], before[unit])).join(" | ")} |`;

/** The rows of the version before, when there is one. */
const before = () =>
  old
    ? `
${row(`before, ${options["old-name"]}: wasm`, old.wasm)}
${row(`before, ${options["old-name"]}: all our JavaScript, the same way`, old.js)}
${row(`**before, ${options["old-name"]}: im-chats**`, old.total)}
${changed("wasm, since then", wasm, old.wasm)}
${changed("JavaScript, since then", js, old.js)}
${changed("im-chats, since then", total, old.total)}`
    : "";

/** Modules of the binding below this many bytes share a line. */
const SMALL = 500;

/** The wasm by groups: their names, and `cost` of some of them: how much smaller the compressed module is without them. */
function takenApart() {
  const bytes = readFileSync(namedWasm);
  const all = parts(bytes).sort((a, b) => a.at - b.at);
  const found = new Map();
  const put = (name, members) => found.set(name, [...(found.get(name) ?? []), ...members]);
  const rawOf = (members) => members.reduce((sum, { at, end }) => sum + end - at, 0);
  for (const part of all) put(groupOf(part.name), [part]);
  for (const [name, members] of [...found].filter(([name, members]) => /^im_chats::/.test(name) && rawOf(members) < SMALL)) {
    found.delete(name);
    put("im_chats: the rest of the binding", members);
  }
  const compressed = (members) => brotli(Buffer.concat(members.map(({ at, end }) => bytes.subarray(at, end))));
  const whole = compressed(all);
  const cost = (names) => {
    const members = new Set(names.flatMap((name) => found.get(name) ?? []));
    return { raw: rawOf([...members]), brotli: members.size && whole - compressed(all.filter((part) => !members.has(part))) };
  };
  return { names: [...found.keys()], cost };
}

/** A package's row: its part of the wasm, `cost`, and the JavaScript that is there for it. */
function packageRow({ name, gives }, cost, javaScript) {
  const [raw, compressed] = ["raw", "brotli"].map((unit) => cost[unit] + javaScript[unit]);
  return `| ${name} | ${gives} | ${raw === 0 ? "no" : "yes"} | ${number(raw)} | ${number(compressed)} |`;
}

const rewrites = () =>
  REWRITES.length === 0
    ? ""
    : `## Rewriting after linking

| what | why | saves, brotli |
|---|---|--:|
${REWRITES.map(({ name, why, saves }) => `| ${name} | ${why} | ${saves === undefined ? "not measured" : number(saves)} |`).join("\n")}

`;

async function report() {
  const { names, cost } = takenApart();
  const groups = names.map((name) => ({ name, ...cost([name]) })).sort((a, b) => b.raw - a.raw);
  // What the JavaScript is smaller by without what wasm-bindgen wrote.
  const rest = await bundle(WHOLE, pkg, GENERATED);
  const generated = { raw: js.raw - rest.raw, brotli: js.brotli - rest.brotli };
  const packages = PACKAGES.map((each) => packageRow(each, cost(each.groups), each.generated ? generated : { raw: 0, brotli: 0 }));
  return `# Size

Written by \`cargo xtask size\`, which fails above the budget. Bytes; brotli at quality 11, gzip at level 9.

## What a page downloads

| | raw | gzip | brotli |
|---|--:|--:|--:|
${row("wasm", wasm)}
${row("all our JavaScript, as an esbuild bundle (browser, ESM, minified)", js)}
${row("**im-chats: thirteen methods, live events and catch-up that heal themselves**", total)}
${row("`createHttpClient` of @photon-ai/advanced-imessage 2.2.0, bundled the same way: no live events", theirs)}${before()}

Budget: ${number(BUDGET)} bytes brotli. Left: ${number(BUDGET - total.brotli)}.

A page that sends messages imports \`im-chats/messages\` instead, which has a wasm of its own with everything of the other one
([messages.md](messages.md)). What both entries share of the JavaScript is downloaded once by a page that uses both.

| | raw | gzip | brotli |
|---|--:|--:|--:|
${row("wasm of `im-chats/messages`", messages.wasm)}
${row("all its JavaScript, the same way", messages.js)}
${row("**`im-chats/messages`: twelve methods more**", messages.total)}
${row("`im-chats/inbox`, JavaScript beside the client", inbox)}
${row("`im-chats/react`, the same with the inbox in it, without React", react)}
${row("`im-chats/testing`, JavaScript beside the client; not for pages", testing)}

Budget: ${number(MESSAGES_BUDGET)} bytes brotli. Left: ${number(MESSAGES_BUDGET - messages.total.brotli)}.

A page that has the service itself inside loads \`im-chats/emulator\` besides ([emulator-in-page.md](emulator-in-page.md)).

| | raw | gzip | brotli |
|---|--:|--:|--:|
${row("wasm of `im-chats/emulator`", emulator.wasm)}
${row("all its JavaScript, the same way", emulator.js)}
${row("**`im-chats/emulator`: the service**", emulator.total)}

Budget: ${number(EMULATOR_BUDGET)} bytes brotli. Left: ${number(EMULATOR_BUDGET - emulator.total.brotli)}.

All that follows is of \`im-chats\`.

## JavaScript by file, minified

| file | bytes |
|---|--:|
${js.inputs
  .filter(([, bytes]) => bytes > 0)
  .sort(([, a], [, b]) => b - a)
  .map(([path, bytes]) => `| ${path.replace(GENERATED, "")}${GENERATED.test(path) ? ", written by wasm-bindgen" : ""} | ${number(bytes)} |`)
  .join("\n")}

## wasm by group

The second column says how much smaller the compressed module would be without the group. Code that the compiler inlined counts where
it was inlined to.

| group | raw | brotli saved without it |
|---|--:|--:|
${groups.map(({ name, raw, brotli: saved }) => `| ${name} | ${number(raw)} | ${number(saved)} |`).join("\n")}

## What each package of the stack gives

The cost is measured: that of the package's groups above, all of them left out at once, and for wasm-bindgen also the JavaScript that it
writes (${number(generated.raw)} bytes, ${number(generated.brotli)} in brotli), which carries out the calls of js-sys and web-sys, too.

| package | gives | in the download | raw | brotli saved without it |
|---|---|---|--:|--:|
${packages.join("\n")}

${rewrites()}## What is done otherwise

| what one would expect | why not |
|---|---|
${NOT_USED.map((row) => `| ${row.join(" | ")} |`).join("\n")}

## What keeps it small

- Errors lie behind one pointer; frames are read and checked without leaving at every field.
- One type, \`Value\`, is what goes out: each type that derived \`Serialize\` would bring a copy of the serializer.
- All listeners and timers are one type of closure; all exports that take time are one type of future.
- Text of events never enters the wasm; frames are objects that the runtime parsed and prints.
`;
}

if (options.page) {
  const text = await report();
  writeFileSync(options.page, text);
  console.log(text);
}
if (!options.page) console.log(`im-chats/inbox, brotli: ${number(inbox.brotli)}; im-chats/react ${number(react.brotli)}, budget ${number(REACT_BUDGET)}`);
if (react.brotli > REACT_BUDGET) {
  console.error(`im-chats/react is too large: ${number(react.brotli)} bytes brotli, budget ${number(REACT_BUDGET)}`);
  process.exitCode = 1;
}
for (const [entry, of, budget] of [["im-chats", { wasm, js, total }, BUDGET], ["im-chats/messages", messages, MESSAGES_BUDGET], ["im-chats/emulator", emulator, EMULATOR_BUDGET]]) {
  const sum = `wasm ${number(of.wasm.brotli)} + JavaScript ${number(of.js.brotli)} = ${number(of.total.brotli)}`;
  if (!options.page) console.log(`${entry}, brotli: ${sum}, budget ${number(budget)}`);
  if (of.total.brotli <= budget) continue;
  console.error(`${entry} is too large: ${number(of.total.brotli)} bytes brotli, budget ${number(budget)}`);
  process.exitCode = 1;
}
