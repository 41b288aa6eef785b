import { abortReason, onAbort } from "./abort.js";
import { base64 } from "./base64.js";
import type { LiveConnection } from "./connection.js";
import type { EmulatorLink } from "./emulator-link.js";
import type { Engine } from "./engine.js";
import { buildError, IMessageError, type IMessageErrorOptions } from "./errors.js";
import type { Settings } from "./options.js";
import type { ReadUrl, WasmLoader } from "./wasm-source.js";
import type { ConnectionState, FailedAttempt, Gap, Host as WasmHost, WeakHost } from "./wasm/im_chats.js";

/** A WebSocket's class: the global one, or that of `ws`. @internal */
export type WebSocketConstructor = new (url: string, protocol: string) => object;

/** What each runtime's entry provides. @internal */
export interface Runtime {
  /** What the entry runs. */
  readonly engine: Engine;
  /** The wasm, in any form that {@link WasmLoader} allows. */
  readonly wasm: WasmLoader;
  /** How it reads an address that its `fetch` does not know. */
  readonly readUrl?: ReadUrl;
  /** The runtime's WebSocket. */
  webSocket(): WebSocketConstructor | Promise<WebSocketConstructor>;
}

/** What the wasm needs of the shell; `src/host.rs` declares it. @internal */
export class Host implements WasmHost {
  readonly baseUrl: string;
  readonly timeout: number;
  readonly maxAttempts: number;
  readonly initialDelay: number;
  readonly maxDelay: number;
  readonly autoIdempotency: boolean;
  readonly tokenIsFixed: boolean;
  readonly server: string | undefined;
  readonly fetch: EmulatorLink["fetch"] | undefined;
  /** Set before the first stream opens. */
  socket: WebSocketConstructor | undefined;
  readonly onAbort = onAbort;
  readonly abortReason = abortReason;
  readonly base64 = base64;
  readonly #token: Settings["token"];
  readonly #connection: LiveConnection;

  constructor(settings: Settings, connection: LiveConnection) {
    this.baseUrl = settings.baseUrl;
    this.timeout = settings.timeout;
    this.maxAttempts = settings.maxAttempts;
    this.initialDelay = settings.initialDelay;
    this.maxDelay = settings.maxDelay;
    this.autoIdempotency = settings.autoIdempotency;
    this.server = settings.server;
    this.fetch = settings.emulator?.fetch;
    this.socket = settings.emulator?.socket;
    this.tokenIsFixed = typeof settings.token === "string";
    this.#token = settings.token;
    this.#connection = connection;
  }

  /** A function is asked again for every call and every connection. */
  token(): unknown {
    const token = this.#token;
    // Not now, when Rust is on the stack: the user's function may close the client.
    return typeof token === "string" ? token : Promise.resolve().then(token);
  }

  error(category: number, message: string, details: IMessageErrorOptions, cause: unknown): Error {
    // An error of our own classes is already what the user wants to see: a token function threw it.
    return cause instanceof IMessageError ? cause : buildError(category, message, details, cause);
  }

  webSocket(): Function {
    if (!this.socket) throw new Error("this runtime has no WebSocket");
    return this.socket;
  }

  sequences(events: readonly { readonly sequence?: unknown }[], places: Float64Array): void {
    for (let index = 0; index < places.length; index++) {
      const sequence = events[index]?.sequence;
      places[index] = typeof sequence === "number" ? sequence : NaN;
    }
  }

  statusChanged(state: ConnectionState, lastError: IMessageError | undefined, failedAttempt: FailedAttempt | undefined): void {
    this.#connection.changed({ state, ...(lastError && { lastError }), ...(failedAttempt && { failedAttempt }) });
  }

  lagGrew(): void {
    this.#connection.watchLag();
  }

  gapSkipped(gap: Gap, onGap: unknown): void {
    // Not now: Rust is on the stack.
    if (typeof onGap === "function") void Promise.resolve().then(() => onGap(gap));
    this.#connection.skipped(gap);
  }
}

/** Nothing that the wasm holds is ever collected, so it must not hold a host, and what that refers to. @internal */
export function weak(host: Host): WeakHost {
  // Workers of before May 2025, by their compatibility date, have no `WeakRef`: there only `close` frees a client.
  return typeof WeakRef === "undefined" ? { deref: () => host } : new WeakRef(host);
}
