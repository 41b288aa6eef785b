import { buildError, IMessageError, type IMessageErrorOptions } from "./errors.js";
import type { FailedAttempt, Gap, LiveConnection } from "./connection.js";
import { openSocket, type OpenSocket, type WebSocketConstructor } from "./socket.js";
import type { ReadUrl, WasmLoader } from "./wasm-source.js";
import type { ConnectionState, Core } from "./wasm/im_chats.js";

/** What each runtime's entry provides. @internal */
export interface Runtime {
  /** What the generated `init` takes: the wasm, in any form it knows. */
  readonly wasm: WasmLoader;
  /** How it reads an address that its `fetch` does not know. */
  readonly readUrl?: ReadUrl;
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

/** Why a signal was aborted. Old runtimes and polyfills give no reason: then it is what today's signals give. @internal */
export function abortReason({ reason }: AbortSignal): unknown {
  if (reason !== undefined) return reason;
  const message = "This operation was aborted";
  if (typeof DOMException === "function") return new DOMException(message, "AbortError");
  return Object.assign(new Error(message), { name: "AbortError" });
}

/** Calls `wake` when the page comes back to life, or `wake(online)` when the network changes; gives a function that stops it. */
function onWake(wake: (online?: boolean) => void): () => void {
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

/** What the wasm side needs of its runtime; `src/host.rs` is the other half. @internal */
export class Host {
  /** Set before the first stream opens. */
  webSocket: WebSocketConstructor | undefined;
  /** Not held: the core holds this host, from where no garbage collector sees it, and a client that is dropped shall go. */
  #core: Pick<WeakRef<Core>, "deref"> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #connection: LiveConnection;
  readonly #token: () => Promise<string>;
  readonly #crashed: (error: unknown) => void;

  constructor(connection: LiveConnection, token: () => Promise<string>, crashed: (error: unknown) => void) {
    this.#connection = connection;
    this.#token = token;
    this.#crashed = crashed;
  }

  attach(core: Core): void {
    // Workers of before May 2025, by their compatibility date, have none.
    this.#core = typeof WeakRef === "undefined" ? { deref: () => core } : new WeakRef(core);
  }

  /** The core is about to be freed. */
  detach(): void {
    this.#core = undefined;
  }

  /** Tells the core something. The caller is a timer or a socket, where an error would end the whole program. */
  #tell(tell: (core: Core) => void): void {
    const core = this.#core?.deref();
    if (!core) return;
    try {
      tell(core);
    } catch (error) {
      this.#crashed(error);
    }
  }

  error(category: number, message: string, fields: IMessageErrorOptions, cause: unknown): Error {
    // An error of our own classes is already what the user wants to see: a token function threw it.
    return cause instanceof IMessageError ? cause : buildError(category, message, fields, cause);
  }

  fetchToken(attempt: number): void {
    void this.#token().then(
      (token) => this.#tell((core) => core.token(attempt, token, "")),
      (error: unknown) => this.#tell((core) => core.token(attempt, undefined, error)),
    );
  }

  sequences(events: readonly { readonly sequence?: unknown }[]): Float64Array {
    const sequences = new Float64Array(events.length);
    for (let index = 0; index < events.length; index++) {
      const sequence = events[index]?.sequence;
      sequences[index] = typeof sequence === "number" ? sequence : NaN;
    }
    return sequences;
  }

  openSocket(url: string, protocol: string, attempt: number): OpenSocket {
    if (!this.webSocket) throw new Error("this runtime has no WebSocket");
    return openSocket(this.webSocket, url, protocol, (kind, value) => this.#tell((core) => core.report(attempt, kind, value)));
  }

  arm(delay: number): void {
    clearTimeout(this.#timer);
    if (delay >= 0) this.#timer = setTimeout(() => this.#tell((core) => core.tick()), delay);
  }

  watchWake(watch: boolean): void {
    this.#stopWatching?.();
    this.#stopWatching = watch ? onWake((online) => this.#tell((core) => core.wake(online))) : undefined;
  }

  statusChanged(state: ConnectionState, lastError: IMessageError | undefined, failedAttempt: FailedAttempt | undefined): void {
    this.#connection.changed({ state, ...(lastError && { lastError }), ...(failedAttempt && { failedAttempt }) });
  }

  lagChanged(): void {
    this.#connection.lagChanged();
  }

  gapSkipped(gap: Gap, onGap: ((gap: Gap) => void) | undefined): void {
    // Not now: Rust is on the stack.
    if (onGap) queueMicrotask(() => onGap(gap));
    this.#connection.skipped(gap);
  }
}
