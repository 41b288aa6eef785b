import type { Client } from "./types.js";
import { linkOf, type EmulatorLink, type LinkedEmulator } from "./emulator-link.js";
import { checkGlobals } from "./environment.js";
import { invalid, messageOf } from "./errors.js";
import type { WasmSource } from "./wasm-source.js";

/**
 * What makes a client: the type of `createClient`, which every entry of the package exports. `im-chats` is the entry for
 * browsers, Node, Bun, Deno and edge workers; `im-chats/inline` has the WebAssembly part inside the JavaScript.
 */
export interface CreateClient {
  // `xtask/js/publish.mjs` puts this comment above the `createClient` of every entry, too: an editor shows the one at a call,
  // the other everywhere else.
  /**
   * Makes a client of one account. It returns at once and sends nothing: the WebAssembly part starts with the first call, and a
   * start that failed is tried again by the next. One client serves a whole program; close it when the program is done with it.
   *
   * @param options where the service is and who calls, at least: `address` and `token`
   * @returns the client, for every call and event stream of the account
   * @throws ValidationError when an option is missing, wrong or unknown; `context.field` names it
   * @throws IMessageError of code `operationNotSupported` when the environment lacks what is needed, as `URL` in an old jsdom
   *
   * @example
   * const im = createClient({ address: "im.example.com", token: "…", retry: true });
   * const { chat } = await im.chats.create(["alice@example.com"], { message: "Hello" });
   * console.log(chat.guid);
   * await im.close();
   */
  (options: ClientOptions): Client;
}

/** Settings of the automatic retry of unary calls, for the option `retry` of `createClient`. */
export interface RetryOptions {
  /** Tries in all, the first included. 1 to 100, default 4. */
  readonly maxAttempts?: number | undefined;
  /**
   * Bound of the first wait in milliseconds; it doubles with every failure. The wait itself is random, from 0 to the bound.
   * 0 to 2,147,483,647, default 200.
   */
  readonly initialDelay?: number | undefined;
  /** Largest bound of a wait in milliseconds. 0 to 2,147,483,647, default 5,000. */
  readonly maxDelay?: number | undefined;
}

/** Options of `createClient`. */
export interface ClientOptions {
  /**
   * Where the service is: `host[:port]`, a full `http(s)://` URL, or an emulator of `im-chats/emulator`. `undefined` compiles, so that
   * `process.env.…` can be passed as it is; `createClient` then throws a `ValidationError`.
   */
  readonly address: string | LinkedEmulator | undefined;
  /**
   * The bearer token, or a function that gives one. A function is asked again for every call, for every connection, and before the
   * token of a connection ends, so it can hand out short-lived tokens; nothing that it gave is kept. A text that the service
   * refuses ends the streams at once, since there is no other. `undefined` compiles, so that `process.env.…` can be passed as it is; `createClient` then
   * throws a `ValidationError`. Only an emulator of `im-chats/emulator` needs none: without it, the emulator's own is taken.
   */
  readonly token?: string | undefined | (() => string | Promise<string>);
  /** Whether an `address` without a scheme means https. Default true. An `address` with a scheme says it itself. */
  readonly tls?: boolean | undefined;
  /**
   * How long a call may take in milliseconds, retries included. 1 to 2,147,483,647, default 30,000. A call that takes longer
   * rejects with a `ConnectionError` of code `timeout`. Streams are not limited.
   */
  readonly timeout?: number | undefined;
  /**
   * Whether calls that fail with a retryable error are tried again. Default false. `true` means 4 attempts with full jitter
   * between 200 ms and 5 s; the server's `Retry-After` is honoured up to 30 s. A write is only tried again when it has an
   * idempotency key.
   */
  readonly retry?: boolean | RetryOptions | undefined;
  /**
   * Whether every write gets an idempotency key of its own, kept over its retries, so that a write whose answer was lost
   * happens once. Default true.
   */
  readonly autoIdempotency?: boolean | undefined;
  /**
   * Whether `tokens.create` works in a browser, too. Default false: it needs the operator's own token, which allows everything and
   * is then in the hands of whoever opens the page. For tools that only the operator opens.
   */
  readonly allowTokenCreationInBrowser?: boolean | undefined;
  /** The name of a dedicated instance of the service, sent as `x-photon-server`. Without it the service chooses. */
  readonly server?: string | undefined;
  /**
   * Where the WebAssembly part is, for bundlers and runtimes that do not find it by themselves: its address, a `Response`, its
   * bytes or the compiled module, a promise of one of them, or a function that is asked when the start needs it – and again
   * when a start failed. The first client of a program that starts decides for all of them. Without it the entry's own way is
   * taken: a file of the package, or the copy inside `im-chats/inline`.
   */
  readonly wasm?: WasmSource | Promise<WasmSource> | (() => WasmSource | Promise<WasmSource>) | undefined;
}

/** What the wasm side is given. @internal */
export interface Settings {
  readonly baseUrl: string;
  readonly token: string | (() => string | Promise<string>);
  readonly timeout: number;
  readonly maxAttempts: number;
  readonly initialDelay: number;
  readonly maxDelay: number;
  readonly autoIdempotency: boolean;
  readonly allowTokenCreationInBrowser: boolean;
  readonly server: string | undefined;
  /** In the place of the network. */
  readonly emulator: EmulatorLink | undefined;
}

const MAX_TIMER_MS = 2_147_483_647;

/** What a header carries unchanged. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Checks every option before anything is sent. @internal */
export function readOptions(options: ClientOptions): Settings {
  checkKeys(options, "options", ["address", "token", "tls", "timeout", "retry", "autoIdempotency", "allowTokenCreationInBrowser", "server", "wasm"]);
  const emulator = linkOf(options.address);
  const { token = emulator?.token, server } = options;
  if (typeof token !== "function" && (typeof token !== "string" || token.trim() === "")) {
    throw invalid("token", `expected a token, or a function that gives one${missing(token)}`);
  }
  if (typeof token === "string" && !VISIBLE_ASCII.test(token)) {
    throw invalid("token", "expected visible ASCII characters; a token with a space or a line break cannot travel in a header");
  }
  if (server !== undefined && (typeof server !== "string" || !VISIBLE_ASCII.test(server))) {
    throw invalid("server", "expected the name of an instance, in visible ASCII characters");
  }
  return {
    emulator,
    baseUrl: baseUrl(emulator?.address ?? options.address, flag(options.tls, "tls", true)),
    token,
    server,
    timeout: integer(options.timeout, "timeout", 30_000, 1, MAX_TIMER_MS),
    autoIdempotency: flag(options.autoIdempotency, "autoIdempotency", true),
    allowTokenCreationInBrowser: flag(options.allowTokenCreationInBrowser, "allowTokenCreationInBrowser", false),
    ...retrySettings(options.retry),
  };
}

function retrySettings(retry: ClientOptions["retry"]): Pick<Settings, "maxAttempts" | "initialDelay" | "maxDelay"> {
  if (retry === undefined || typeof retry === "boolean") {
    return { maxAttempts: retry ? 4 : 1, initialDelay: 200, maxDelay: 5_000 };
  }
  checkKeys(retry, "retry", ["maxAttempts", "initialDelay", "maxDelay"]);
  return {
    maxAttempts: integer(retry.maxAttempts, "retry.maxAttempts", 4, 1, 100),
    initialDelay: integer(retry.initialDelay, "retry.initialDelay", 200, 0, MAX_TIMER_MS),
    maxDelay: integer(retry.maxDelay, "retry.maxDelay", 5_000, 0, MAX_TIMER_MS),
  };
}

/** Refuses what is not an object, and keys that nobody knows. @internal */
export function checkKeys(options: unknown, field: string, known: readonly string[]): asserts options is object {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(field, `expected an object, got ${options === null ? "null" : Array.isArray(options) ? "array" : typeof options}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw invalid(key, `unknown option; there are: ${known.join(", ")}`);
  }
}

/** What to look at when an option has no value although it was written down. */
function missing(value: unknown): string {
  if (value === undefined || value === "") return `, got ${value === "" ? "an empty string" : value}; if it comes from the environment, set the variable`;
  return typeof value === "string" ? "" : `, got ${value === null ? "null" : typeof value}`;
}

function flag(value: unknown, field: string, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== "boolean") throw invalid(field, `expected true or false, got ${typeof value}`);
  return value;
}

/** A whole number, or what there is without one. @internal */
export function integer(value: unknown, field: string, otherwise: number, least: number, most: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw invalid(field, `expected a whole number from ${least} to ${most}, got ${typeof value === "number" ? value : messageOf(typeof value)}`);
  }
  return value;
}

function baseUrl(address: unknown, tls: boolean): string {
  const mistake = "expected host[:port], or a full http(s):// URL without user, query or fragment";
  if (typeof address !== "string" || address.trim() === "") throw invalid("address", mistake + missing(address));
  const text = address.trim();
  const full = /^https?:\/\//i.test(text);
  // Without a scheme only host and port are meant; anything more is more likely a mistake than a path.
  if (!full && /[/?#@\\\s]/.test(text)) throw invalid("address", mistake);
  checkGlobals("URL");
  let url: URL;
  try {
    url = new URL(full ? text : `${tls ? "https" : "http"}://${text}`);
  } catch {
    throw invalid("address", mistake);
  }
  if (url.username || url.password || url.search || url.hash) throw invalid("address", mistake);
  return url.href.replace(/\/+$/, "");
}
