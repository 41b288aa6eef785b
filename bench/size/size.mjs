// `node size.mjs PACKAGE NAMED_WASM PEER [PAGE]`: what a page downloads of im-chats, compared with the service's own SDK.
// Fails above the budget; writes the page when one is given.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createRequire } from "node:module";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { groupOf } from "./groups.mjs";
import { parts } from "./wasm.mjs";

const [pkg, namedWasm, peer, page] = process.argv.slice(2);
const { build } = createRequire(join(peer, "package.json"))("esbuild");

/** Brotli, in bytes: wasm and all JavaScript together, with everything of this project in it. */
const BUDGET = 46_000;

const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const measure = (bytes) => ({ raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli(bytes) });

/** What a browser bundle of `contents` is, minified. */
async function bundle(contents, resolveDir) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const inputs = Object.entries(Object.values(metafile.outputs)[0].inputs);
  return { ...measure(outputFiles[0].contents), inputs: inputs.map(([path, { bytesInOutput }]) => [basename(path), bytesInOutput]) };
}

const wasm = measure(readFileSync(join(pkg, "wasm/im_chats_bg.wasm")));
const js = await bundle('export * from "./index.js"', pkg);
const theirs = await bundle('export { createHttpClient } from "@photon-ai/advanced-imessage/http"', peer);
const total = Object.fromEntries(["raw", "gzip", "brotli"].map((unit) => [unit, wasm[unit] + js[unit]]));

const number = (value) => value.toLocaleString("en-US");
const row = (name, { raw, gzip, brotli }) => `| ${name} | ${number(raw)} | ${number(gzip)} | ${number(brotli)} |`;

/** Raw bytes per group, and how much smaller the compressed module is without them. */
function groups() {
  const bytes = readFileSync(namedWasm);
  const found = new Map();
  for (const { name, at, end } of parts(bytes)) {
    const group = found.get(groupOf(name)) ?? [];
    found.set(groupOf(name), [...group, [at, end]]);
  }
  const kept = [...found.values()].flat();
  const join = (ranges) => Buffer.concat(ranges.sort(([a], [b]) => a - b).map(([at, end]) => bytes.subarray(at, end)));
  const whole = brotli(join([...kept]));
  return [...found]
    .map(([name, ranges]) => {
      const raw = ranges.reduce((sum, [at, end]) => sum + end - at, 0);
      return { name, raw, saved: whole - brotli(join(kept.filter((range) => !ranges.includes(range)))) };
    })
    .sort((a, b) => b.raw - a.raw);
}

const report = () => `# Size

Written by \`cargo xtask size\`, which fails above the budget. Bytes; brotli at quality 11, gzip at level 9.

## What a page downloads

| | raw | gzip | brotli |
|---|--:|--:|--:|
${row("wasm", wasm)}
${row("all our JavaScript, as an esbuild bundle (browser, ESM, minified)", js)}
${row("**im-chats: ten methods, live events and catch-up that heal themselves**", total)}
${row("`createHttpClient` of @photon-ai/advanced-imessage 2.2.0, bundled the same way: no live events", theirs)}

Budget: ${number(BUDGET)} bytes brotli. Left: ${number(BUDGET - total.brotli)}.

## JavaScript by file, minified

| file | bytes |
|---|--:|
${js.inputs
  .filter(([, bytes]) => bytes > 0)
  .sort(([, a], [, b]) => b - a)
  .map(([name, bytes]) => `| ${name === "im_chats.js" ? "im_chats.js, written by wasm-bindgen" : name} | ${number(bytes)} |`)
  .join("\n")}

## wasm by group

The second column says how much smaller the compressed module would be without the group. Code that the compiler inlined counts where
it was inlined to.

| group | raw | brotli saved without it |
|---|--:|--:|
${groups()
  .map(({ name, raw, saved }) => `| ${name} | ${number(raw)} | ${number(saved)} |`)
  .join("\n")}

## What each package of the stack gives

Its cost is its group above, and for wasm-bindgen its generated JavaScript.

| package | gives | in the download |
|---|---|---|
| wasm-bindgen | classes and functions across the border, and their \`.d.ts\` with our documentation | yes |
| js-sys, web-sys | typed access to what JavaScript hands in; \`AbortSignal\` | a few calls |
| tsify-macros | the TypeScript of every documented shape, from the Rust types | no: types only |
| serde | the same shapes in the gateway and in the tests | no: its derived code is not called, so it is dropped |
| serde-wasm-bindgen | holds the shapes of the binding against the documented types in a real engine | no: tests |
| wasm-bindgen-futures | awaits promises in the wasm's tests. In the package the shell awaits, and the wasm decides | no: tests |
| gloo-net | nothing: its receive queue is unbounded, and it needs a global \`WebSocket\` | no |
| talc | allocates in a third of the standard library's allocator | yes |
| ws | a \`WebSocket\` for Node | no: Node only |

## What keeps it small

- No standard library in the shipped module (feature \`no-std\`): panics trap without the text that nobody would see, and the compiler
  drops what made it. Everything else, the tests included, is built with it.
- Errors lie behind one pointer; frames are read and checked without leaving at every field.
- The wasm decides and the shell waits: there is no async code in the wasm, and no closure crosses the border.
- Text of events never enters the wasm; frames are objects that the runtime parsed and prints.
- \`wasm-finish\` renames what only the generated code names: wasm-bindgen's hashes do not compress.
`;

if (page) {
  writeFileSync(page, report());
  console.log(report());
} else {
  console.log(`brotli: wasm ${number(wasm.brotli)} + JavaScript ${number(js.brotli)} = ${number(total.brotli)}, budget ${number(BUDGET)}`);
}
if (total.brotli > BUDGET) {
  console.error(`too large: ${number(total.brotli)} bytes brotli, budget ${number(BUDGET)}`);
  process.exitCode = 1;
}
