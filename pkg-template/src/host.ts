import { buildError, type IMessageErrorOptions } from "./errors.js";
import type { Gap, LiveConnection } from "./connection.js";
import type { Settings } from "./options.js";
import type { ConnectionState, InitInput } from "./wasm/im_chats.js";

/** @internal */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocket;

/** What each runtime's entry provides. @internal */
export interface Runtime {
  /** What the generated `init` takes: the wasm, in any form it knows. */
  wasm(): InitInput | Promise<InitInput>;
  /** The runtime's WebSocket. */
  webSocket(): WebSocketConstructor | Promise<WebSocketConstructor>;
}

/** Who waits for a signal, and the one listener that serves them all: Node warns of a leak when a signal has more than ten. */
const waiting = new WeakMap<AbortSignal, { readonly acts: Set<() => void>; readonly listener: () => void }>();

/** Calls `act` when `signal` is aborted. @internal */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  let shared = waiting.get(signal);
  if (!shared) {
    const acts = new Set<() => void>();
    shared = { acts, listener: () => acts.forEach((each) => each()) };
    waiting.set(signal, shared);
    signal.addEventListener("abort", shared.listener);
  }
  const { acts, listener } = shared;
  // A function of its own for each, so that two who wait with the same one do not share it.
  const own = () => act();
  acts.add(own);
  return () => {
    if (!acts.delete(own) || acts.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

/** How many bytes are given to one call of `btoa`: few enough to be its arguments, and divisible by 3, so that only the last is padded. */
const CHUNK_BYTES = 24_576;

/** The quickest way there is: `toBase64` of recent engines, Node's `Buffer`, or what every runtime has. */
function base64(bytes: Uint8Array & { toBase64?(): string }): string {
  if (bytes.toBase64) return bytes.toBase64();
  const { Buffer } = globalThis as { Buffer?: typeof import("node:buffer").Buffer };
  if (Buffer) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  let text = "";
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(from, from + CHUNK_BYTES)));
  }
  return text;
}

/** How long a socket that we closed may take to say goodbye, where the runtime lets us end it. */
const CLOSE_GRACE_MS = 1_000;

/** What came back from one HTTP request. */
interface Answer {
  readonly ok: boolean;
  readonly status: number;
  /** Parsed; undefined when it is not JSON. */
  readonly body?: unknown;
  /** Why it is not JSON. */
  readonly cause?: unknown;
  readonly retryAfter: string | null;
  /** How many milliseconds from now `retryAfter` is, when it is a date; else NaN. */
  readonly retryAt: number;
  readonly requestId: string | null;
}

/** The limit of one call. */
interface Deadline {
  readonly expired: Promise<{ readonly reason: unknown } | undefined>;
  readonly signal: AbortSignal;
  stop(): void;
}

type Report = (attempt: number, kind: 0 | 1 | 2, value?: unknown) => void;

/** What the wasm side needs of its runtime; `src/web/host.rs` is the other half. @internal */
export class Host {
  /** Set before the first stream opens. */
  webSocket: WebSocketConstructor | undefined;
  readonly #connection: LiveConnection;
  readonly #token: Settings["token"];
  /** Aborted by `close`, with the error that later calls get. */
  readonly #closing = new AbortController();

  constructor(connection: LiveConnection, token: Settings["token"]) {
    this.#connection = connection;
    this.#token = token;
  }

  /** Ends all calls. */
  close(reason: unknown): void {
    this.#closing.abort(reason);
  }

  error(category: number, message: string, fields: IMessageErrorOptions, cause: unknown): Error {
    return buildError(category, message, fields, cause);
  }

  idempotencyKey(): string {
    const bytes = new Uint8Array(16);
    // Node 18 has no global `crypto`. A key only has to be unlike the account's other recent keys, not secret.
    if ("crypto" in globalThis) crypto.getRandomValues(bytes);
    else bytes.forEach((_, index) => (bytes[index] = Math.random() * 256));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async token(): Promise<unknown> {
    const token = this.#token;
    return typeof token === "function" ? token() : token;
  }

  async exchange(url: string, headers: Record<string, string>, body: string | undefined, signal: AbortSignal): Promise<Answer> {
    const response = await fetch(url, body === undefined ? { headers, signal } : { method: "POST", headers, body, signal });
    const { ok, status } = response;
    let parsed: { body?: unknown; cause?: unknown };
    try {
      parsed = { body: await response.json() };
    } catch (cause) {
      // Wrong JSON is an answer, though not a good one. A success that broke off is none.
      if (ok && !(cause instanceof SyntaxError)) throw cause;
      parsed = { cause };
    }
    const retryAfter = response.headers.get("retry-after");
    const retryAt = Math.max(0, Date.parse(retryAfter ?? "") - Date.now());
    return { ok, status, ...parsed, retryAfter, retryAt, requestId: response.headers.get("x-request-id") };
  }

  deadline(timeout: number, signal?: AbortSignal): Deadline {
    const signals = signal ? [signal, this.#closing.signal] : [this.#closing.signal];
    for (const each of signals) if (each.aborted) throw each.reason;
    const controller = new AbortController();
    let expire: (aborted?: { reason: unknown }) => void = () => {};
    const expired = new Promise<{ reason: unknown } | undefined>((resolve) => (expire = resolve));
    const timer = setTimeout(expire, timeout);
    const stops = signals.map((each) => onAbort(each, () => expire({ reason: each.reason })));
    return {
      expired,
      signal: controller.signal,
      stop: () => {
        clearTimeout(timer);
        for (const stop of stops) stop();
        expire();
        // After a finished request this does nothing; after an expired one it frees the connection.
        controller.abort();
      },
    };
  }

  sleep(delay: number): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, delay));
  }

  bytes(value: unknown): Uint8Array | undefined {
    if (value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
  }

  body(fields: object, image?: Uint8Array): string {
    const json = JSON.stringify(fields);
    return image ? `${json.slice(0, -1)},"data":"${base64(image)}"}` : json;
  }

  sequences(events: readonly { readonly sequence?: unknown }[]): Float64Array {
    const sequences = new Float64Array(events.length);
    for (let index = 0; index < events.length; index++) {
      const sequence = events[index]?.sequence;
      sequences[index] = typeof sequence === "number" ? sequence : NaN;
    }
    return sequences;
  }

  openSocket(url: string, protocol: string, attempt: number, report: Report): { send(frame: object): void; close(code: number): void } {
    const Socket = this.webSocket;
    if (!Socket) throw new Error("this runtime has no WebSocket");
    const socket = new Socket(url, protocol);
    socket.onopen = () => report(attempt, 0);
    socket.onmessage = ({ data }: { data: unknown }) => {
      let frame: unknown;
      try {
        frame = typeof data === "string" ? JSON.parse(data) : undefined;
      } catch {
        // Undefined is reported as a frame that is not what the protocol says.
      }
      report(attempt, 1, frame);
    };
    socket.onclose = ({ code }) => report(attempt, 2, code);
    // Kept for good: `ws` throws an error that nobody listens to, also after we lost interest.
    socket.onerror = () => {};
    return {
      send: (frame) => socket.send(JSON.stringify(frame)),
      close: (code) => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close(code);
        // `ws` waits half a minute for the other side's close. On a half-open link it never comes, and Node would not end.
        const { terminate } = socket as { terminate?: () => void };
        if (!terminate) return;
        const timer: unknown = setTimeout(() => terminate.call(socket), CLOSE_GRACE_MS);
        (timer as { unref?: () => void }).unref?.();
      },
    };
  }

  watchWake(wake: (online?: boolean) => void): () => void {
    const target: Partial<EventTarget> = globalThis;
    const listeners: [Partial<EventTarget>, string, () => void][] = [];
    const listen = (on: Partial<EventTarget> | undefined, type: string, listener: () => void) => {
      if (!on?.addEventListener) return;
      on.addEventListener(type, listener);
      listeners.push([on, type, listener]);
    };
    const page = typeof document === "undefined" ? undefined : document;
    listen(page, "visibilitychange", () => {
      if (page?.visibilityState === "visible") wake();
    });
    listen(page, "resume", () => wake());
    // Only pages and workers tell these; elsewhere the global has no such events.
    if (page || typeof (globalThis as { importScripts?: unknown }).importScripts === "function") {
      listen(target, "pageshow", () => wake());
      listen(target, "online", () => wake(true));
      listen(target, "offline", () => wake(false));
    }
    return () => {
      for (const [on, type, listener] of listeners) on.removeEventListener?.(type, listener);
    };
  }

  stateChanged(state: ConnectionState): void {
    this.#connection.changed(state);
  }

  gapSkipped(gap: Gap, onGap: ((gap: Gap) => void) | undefined): void {
    // Not now: Rust is on the stack.
    if (onGap) queueMicrotask(() => onGap(gap));
    this.#connection.skipped(gap);
  }
}
