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
    gives: "awaits promises in the wasm's tests. In the package the shell awaits, and the wasm decides",
    groups: [group.FUTURES],
  },
  { name: "js-sys", gives: "typed access to what JavaScript hands in", groups: [group.JS_SYS] },
  { name: "web-sys", gives: "`AbortSignal`", groups: [group.WEB_SYS] },
  {
    name: "serde-wasm-bindgen",
    gives: "holds the shapes of the binding against the documented types in a real engine: in tests",
    groups: [group.SERDE_WASM_BINDGEN, group.SERDE_DERIVED, group.SERDE],
  },
  { name: "gloo-net", gives: "nothing: its receive queue is unbounded, and it needs a global `WebSocket`", groups: [group.GLOO_NET] },
  { name: "tsify", gives: "the TypeScript of every documented shape, from the Rust types", groups: [group.TSIFY] },
  { name: "talc", gives: "allocates in a third of the standard library's allocator", groups: [group.TALC] },
];

/**
 * What is done to the module after the linker is done: `{ name, why, saves }`, with `saves` in brotli bytes, measured by building without
 * it; one that was not measured has none.
 */
export const REWRITES = [
  {
    name: "short names between the wasm and its JavaScript",
    why: "wasm-bindgen's carry a hash of 16 digits each, once on either side, which nothing compresses",
  },
  { name: "constant texts are decoded once", why: "every field of every answer would cost a `TextDecoder` a run: this is for speed" },
  { name: "texts' decoder and encoder come with the start", why: "importing the package works where there is neither" },
  { name: "`wasm-opt` with `--flatten --rereloop -Oz -Oz`", why: "branches made anew before the usual passes are another half percent" },
];
