import { ConnectionError, ErrorCode, invalid, make } from "./errors.js";

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

/** Loads the wasm, again for each start. @internal */
export type WasmLoader = () => WasmSource | Promise<WasmSource>;

/** What the compiler takes. @internal */
export type Readable = Response | BufferSource | WebAssembly.Module;

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
    // A call throws the error; a client without calls must not cause an unhandled rejection.
    option.then(undefined, () => {});
    return async () => load(await option);
  }
  check(option);
  return () => load(option);
}

/** Why there is no wasm. What cannot heal by itself is not retryable. @internal */
export function notStarted(why: string, retryable: boolean, cause?: unknown): ConnectionError {
  return make(ConnectionError, `the WebAssembly part of im-chats could not be started: ${why}`, {
    code: ErrorCode.networkError,
    grpcCode: 14,
    retryable,
    cause,
  });
}

/**
 * The wasm as the compiler takes it, fetched when it is an address. What is there instead – the page that a server gives for
 * every unknown path, above all – is found out here: the compiler would only speak of a magic word.
 *
 * @internal
 */
export async function readWasm(source: WasmSource): Promise<Readable> {
  const tag = tagOf(source);
  if (tag === "String" || tag === "URL") {
    const answer = await fetch(source as string | URL).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw notStarted(`${String(source)}: ${why}`, true, cause);
    });
    return readAnswer(answer, String(source));
  }
  if (tag === "Response") return readAnswer(source as Response, (source as Response).url || "the Response");
  if (tag !== "WebAssembly.Module" && !isWasm(source as BufferSource)) throw notWasm("what it was given is not WebAssembly");
  return source as BufferSource | WebAssembly.Module;
}

async function readAnswer(answer: Response, address: string): Promise<Readable> {
  const { ok, status, bodyUsed } = answer;
  if (bodyUsed) throw notStarted("the Response was read before; give a function that fetches it", false);
  if (!ok) throw notWasm(`${address} answered with status ${status}`, status === 408 || status === 429 || status >= 500);
  const type = answer.headers.get("content-type");
  // Compiled while it arrives.
  if (type?.startsWith("application/wasm") && "instantiateStreaming" in WebAssembly) return answer;
  const bytes = await answer.arrayBuffer();
  if (!isWasm(bytes)) throw notWasm(`${address} answered with ${type ?? "something"} that is not WebAssembly`);
  return bytes;
}

function notWasm(what: string, retryable = false): ConnectionError {
  return notStarted(`${what}; make your bundler or server provide that file, import "im-chats/inline", or set the option wasm`, retryable);
}

/** Every module begins with a zero byte and `asm`. */
function isWasm(source: BufferSource): boolean {
  const [zero, a, s, m] = ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  return zero === 0 && a === 0x61 && s === 0x73 && m === 0x6d;
}

/** What it is called, since a module or an answer may come from another frame or realm. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function check(source: unknown): WasmSource {
  const tag = tagOf(source);
  const known = ["String", "URL", "Response", "ArrayBuffer", "SharedArrayBuffer", "WebAssembly.Module"];
  if (source !== "" && (known.includes(tag) || ArrayBuffer.isView(source))) return source as WasmSource;
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
