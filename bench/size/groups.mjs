// Which part of the project or of its dependencies a function of the wasm belongs to.
//
// The name section has Rust paths: `im_chats::driver::Driver::feed::h3336…`, `<js_sys::ArrayIter<T> as core::iter::…>::next::h59…`.
// A function belongs to the crate that its name says first, other than the standard library's: that is the crate of the type whose
// method it is, or whose destructor.

// Each package's, which its row in packages.mjs names.
export const SERDE_WASM_BINDGEN = "serde-wasm-bindgen";
export const GLOO_NET = "gloo-net";
export const JS_SYS = "js-sys";
export const WEB_SYS = "web-sys";
export const FUTURES = "wasm-bindgen-futures: js_sys::futures";
export const WASM_BINDGEN = "wasm-bindgen";
export const TSIFY = "tsify: conversions derived for our shapes";
export const SERDE_DERIVED = "serde: code derived for our shapes";
export const SERDE = "serde: its own code";
export const TALC = "talc: the allocator";

const CALLED = "im_chats: what JavaScript calls";
const PANICS = "panicking";

/** The labels of crates; any other crate is a group of its own. */
const CRATES = {
  wasm_bindgen: WASM_BINDGEN,
  wasm_bindgen_futures: FUTURES,
  js_sys: JS_SYS,
  web_sys: WEB_SYS,
  serde_wasm_bindgen: SERDE_WASM_BINDGEN,
  gloo_net: GLOO_NET,
  // Its own helpers, which nothing else uses.
  gloo_utils: GLOO_NET,
  tsify: TSIFY,
  tsify_macros: TSIFY,
  serde: SERDE,
  serde_core: SERDE,
  talc: TALC,
};

const STANDARD = new Set(["core", "alloc", "std", "compiler_builtins"]);

/** Names that say nothing of a crate, or whose crate is not what counts; the first that fits. */
const RULES = [
  [/^section /, "imports, exports, types"],
  [/^data$/, "constants: texts and tables"],
  [/^unnamed$/, "other"],
  [/__rust(c.*)?_(alloc|dealloc|realloc)/, TALC],
  [/panicking|rust_begin_unwind|rust_panic|rust_start_panic|unwrap_failed|expect_failed|slice_\w*fail|handle_error|capacity_overflow/, PANICS],
  [/^__externref|^__wbindgen|^__instance|-> Externref/, WASM_BINDGEN],
  [/^mem(cmp|cpy|move|set)$|^__(multi|udiv|umod|div|mod|ash|lsh)/, "core"],
  // A name without a path is an export's. wasm-bindgen adds what it has done to it.
  [/^(?!__(?!wbg_\w+_free))\w+( externref shim| multivalue shim)*$/, CALLED],
];

/** Containers of others' types, which say nothing of whose code it is. */
const CONTAINERS = /\bwasm_bindgen::__rt::(WasmRefCell|RcRef\w*|WasmPtr\w*)</g;

/** The parts of our own crates. */
const OWN = [
  [/^im_chats_protocol::client/, "im_chats_protocol::client: the event stream's machine"],
  [/^im_chats_protocol::wire/, "im_chats_protocol::wire: frames, requests, answers"],
  [/^im_chats_protocol/, "im_chats_protocol: model, errors, limits"],
];

/** The group of a function by its name. */
export function groupOf(mangled) {
  // The hashes of crates and of functions.
  const name = mangled.replace(/\[[0-9a-f]{16}\]/g, "").replace(/::h[0-9a-f]{16}/, "");
  const rule = RULES.find(([pattern]) => pattern.test(name));
  if (rule) return rule[1];
  const paths = [...name.replace(CONTAINERS, "<").matchAll(/(?<![\w:$])([a-z_]\w*)::[\w:]*/g)];
  const path = paths.find(([, crate]) => !STANDARD.has(crate));
  if (!path) return standard(name);
  const [own, crate] = path;
  if (crate === "im_chats" || crate === "im_chats_protocol") return ours(name, own);
  // js-sys has it now; the crate wasm-bindgen-futures only names it.
  if (own.startsWith("js_sys::futures")) return FUTURES;
  return CRATES[crate] ?? crate.replaceAll("_", "-");
}

/** Code on our own types: ours, or what a macro derived. */
function ours(name, path) {
  if (/\bserde(_core)?::/.test(name)) return SERDE_DERIVED;
  if (/ as tsify::|impl tsify::/.test(name)) return TSIFY;
  // A class of the binding has these from wasm-bindgen, a shape of the protocol from tsify.
  if (/\bwasm_bindgen::(convert|describe)::/.test(name)) return path.startsWith("im_chats_protocol") ? TSIFY : WASM_BINDGEN;
  const found = OWN.find(([pattern]) => pattern.test(path));
  // A module of the binding each.
  return found?.[1] ?? path.replace(/^(im_chats::[a-z_]+)?.*$/, (_, module) => module ?? "im_chats: the rest of the binding");
}

function standard(name) {
  if (/\b(core|alloc|std)::fmt\b|::fmt$/.test(name)) return "core::fmt: formatting of text";
  if (/drop_in_place|drop_slow/.test(name)) return "destructors";
  if (/\bstd::/.test(name)) return "std";
  if (/\balloc::/.test(name)) return "alloc: strings, lists, queues";
  if (/\bcore::/.test(name)) return "core";
  return "other";
}
