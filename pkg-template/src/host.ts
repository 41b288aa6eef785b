import { AuthenticationError, buildError, type IMessageErrorOptions } from "./errors.js";
import type { Gap, LiveConnection } from "./connection.js";
import { TOKEN_FAILED } from "./token.js";
import type { ConnectionState, Core, InitInput } from "./wasm/im_chats.js";

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

/** How long a socket that we closed may take to say goodbye, where the runtime lets us end it. */
const CLOSE_GRACE_MS = 1_000;

type Report = (attempt: number, kind: 0 | 1 | 2, value?: unknown) => void;

/** What the wasm side needs of its runtime; `src/web/host.rs` is the other half. @internal */
export class Host {
  /** Set before the first stream opens. */
  webSocket: WebSocketConstructor | undefined;
  /** Set as soon as there is one. */
  core: Core | undefined;
  readonly #connection: LiveConnection;
  readonly #token: () => Promise<string>;

  constructor(connection: LiveConnection, token: () => Promise<string>) {
    this.#connection = connection;
    this.#token = token;
  }

  error(category: number, message: string, fields: IMessageErrorOptions, cause: unknown): Error {
    return buildError(category, message, fields, cause);
  }

  fetchToken(attempt: number): void {
    void this.#token().then(
      (token) => this.core?.token(attempt, token, ""),
      (error: unknown) => {
        const message = error instanceof AuthenticationError ? error.message : TOKEN_FAILED;
        this.core?.token(attempt, undefined, message);
      },
    );
  }

  bytes(value: unknown): Uint8Array | undefined {
    if (value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
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
