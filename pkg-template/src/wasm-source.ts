import { invalid } from "./errors.js";
import type { InitInput } from "./wasm/im_chats.js";

// Named where a program's own libraries do not: TypeScript before 5.2 and Node's types without the DOM lack some of these, and
// declaring an empty interface again where it exists adds nothing to it.
declare global {
  interface AbortSignal {}
  interface Response {}
  interface URL {}
  namespace WebAssembly {
    interface Module {}
  }
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>;
  }
}

/**
 * Where the WebAssembly part is: its address, an answer that carries it, its bytes, or the compiled module.
 */
export type WasmSource = string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;

/** Loads the wasm, for each start anew. @internal */
export type WasmLoader = () => InitInput | Promise<InitInput>;

/** How a runtime reads an address that its `fetch` does not know, `file:` above all. @internal */
export type ReadUrl = (url: URL) => Promise<Uint8Array<ArrayBuffer>> | undefined;

/** The option `wasm`, checked as far as it is known now; the rest when it is loaded. @internal */
export function wasmLoader(option: unknown, readUrl: ReadUrl | undefined): WasmLoader {
  const load = (source: unknown) => {
    const checked = check(source);
    const url = asUrl(checked);
    return (url && readUrl?.(url)) ?? checked;
  };
  if (typeof option === "function") return async () => load(await (option as () => unknown)());
  if (isPromise(option)) {
    // Whoever calls sees the error; a client that calls nothing must not cause an unhandled rejection.
    option.then(undefined, () => {});
    return async () => load(await option);
  }
  check(option);
  return () => load(option);
}

function check(source: unknown): InitInput {
  // By what they are called, since a module or an answer may come from another frame or realm.
  const tag: string = Object.prototype.toString.call(source).slice(8, -1);
  const known = ["String", "URL", "Response", "ArrayBuffer", "SharedArrayBuffer", "WebAssembly.Module"];
  if (source !== "" && (known.includes(tag) || ArrayBuffer.isView(source))) return source as InitInput;
  throw invalid("wasm", "expected the wasm as an address, a Response, bytes or a WebAssembly.Module, or a promise or function that gives one");
}

function asUrl(source: unknown): URL | undefined {
  if (source instanceof URL) return source;
  try {
    return typeof source === "string" ? new URL(source) : undefined;
  } catch {
    // Relative: the runtime's `fetch` knows to what.
    return undefined;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
