// What the page says of each package of the stack, beside what size.mjs measures of it.
import * as group from "./groups.mjs";

/** `groups`: what of the wasm is the package's. `generated`: the JavaScript that wasm-bindgen writes counts, too. */
export const PACKAGES = [
  {
    name: "wasm-bindgen",
    gives: "classes and functions across the border, and their `.d.ts` with our documentation",
    groups: [group.WASM_BINDGEN],
    generated: true,
  },
  {
    name: "wasm-bindgen-futures",
    gives: "runs what takes time: each call, token and pull of a batch is one future",
    groups: [group.FUTURES],
  },
  { name: "js-sys", gives: "promises, functions and dates; texts that stay in JavaScript", groups: [group.JS_SYS] },
  { name: "web-sys", gives: "the event WebSocket, `AbortController`, what `fetch` takes, wake-ups of a page", groups: [group.WEB_SYS] },
  {
    name: "serde-wasm-bindgen",
    gives: "makes what goes out: bodies, frames, answers, details of errors, gaps",
    groups: [group.SERDE_WASM_BINDGEN, group.SERDE_DERIVED, group.SERDE],
  },
  { name: "gloo-net", gives: "the headers of calls, and their responses", groups: [group.GLOO_NET] },
  { name: "tsify", gives: "the TypeScript of every documented shape and option object, from the Rust types", groups: [group.TSIFY] },
  { name: "talc", gives: "allocates in a third of the standard library's allocator", groups: [group.TALC] },
];

/** What one would expect of a package and is done otherwise, with what it would cost. */
export const NOT_USED = [
  ["gloo-net's `WebSocket`", "each text enters the wasm's memory: 1.48 times the CPU per event, and 2.9 KB. Its queue of received frames has no bound"],
  ["gloo-net's `RequestBuilder`", "it makes two `Request`s and a `URL` for each call: 1.1 to 1.4 times the CPU of a whole `get`, and 2.4 KB"],
  ["gloo-net's `Request::send`", "it panics when a test's `fetch` resolves to no real `Response`, or rejects with no `Error`"],
  ["gloo-net's feature `json`", "it brings serde_json and copies every text through the wasm's memory: 10.6 KB"],
  ["serde-wasm-bindgen for options", "7 KB and more, and its errors do not name the field. `src/input.rs` reads them"],
  ["`async fn` as exports", "each brings a copy of what runs a future. The ten calls share one (`src/promise.rs`)"],
];

/**
 * What is done to the module after the linker is done: `{ name, why, saves }`, with `saves` in brotli bytes, measured by building without
 * it; one that was not measured has none.
 */
export const REWRITES = [
  {
    name: "short names between the wasm and its JavaScript",
    why: "wasm-bindgen's carry a hash of 16 digits each, once on either side, which nothing compresses",
    saves: 3_438,
  },
  {
    name: "panics trap without their texts, and what formats texts is left out",
    why: "the shell makes one clear error of any trap. The build fails when anything else formats",
    saves: 1_514,
  },
  {
    name: "the places in the source that a panic would name are blank",
    why: "no trap reads them, and they differ from machine to machine",
    saves: 374,
  },
  { name: "constant texts are decoded once", why: "every field of every answer would cost a `TextDecoder` a run: this is for speed" },
  { name: "closures are in no `FinalizationRegistry`", why: "Rust owns each and frees it, and a call makes five: this is for speed" },
  { name: "texts' decoder and encoder come with the start", why: "importing the package works where there is neither" },
  { name: "`wasm-opt` with `--flatten --rereloop` between its passes", why: "the optimiser rebuilds the branches, which the later passes then shrink", saves: 444 },
];
