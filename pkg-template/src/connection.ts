import { invalid, type IMessageError } from "./errors.js";
import type { ConnectionState, FailedAttempt, Gap } from "./wasm/im_chats.js";

/** The connection of the event streams, as it is reported to those who watch it. */
export interface ConnectionStatus {
  /** How the connection is, in one word. */
  readonly state: ConnectionState;
  /**
   * How many sequence numbers the slowest stream is behind: the last head of the log that the server reported, less
   * what the stream's loop has handled. `live` with a lag means that events come faster than they are handled.
   */
  readonly lag: number;
  /**
   * Why the connection does not work, or will soon stop to. Absent while all is well. `cause` is the runtime's own error, where
   * it has one; `context` holds `address`, `closeCode` and `httpStatus` as far as they are known.
   */
  readonly lastError?: IMessageError;
  /** The latest attempt that failed; absent once the connection works. */
  readonly failedAttempt?: FailedAttempt;
  /** What a stream with `onGap: "skip"` left out, reported once. Absent in every other report. */
  readonly gap?: Gap;
}

/** The connection of a client's event streams. Unary calls do not need it. */
export interface Connection {
  /** How the connection is, in one word; `idle` while no stream is open. `live` is said only while events are really being received. */
  readonly state: ConnectionState;
  /** How many sequence numbers the slowest stream is behind, 0 without a stream; see {@link ConnectionStatus.lag}. */
  readonly lag: number;
  /** Why the connection does not work, or will soon stop to; undefined while all is well. The same object until it changes. */
  readonly lastError: IMessageError | undefined;
  /** The latest attempt that failed; undefined once the connection works. The same object until it changes. */
  readonly failedAttempt: FailedAttempt | undefined;
  /**
   * Calls `callback` whenever the state changes, for every attempt to connect that fails, when a stream skipped a gap, and, at
   * most four times a second, while the lag changes.
   *
   * @param callback is given the connection as it then is; what it throws is reported as the runtime reports any error
   * @returns a function that stops it
   * @throws ValidationError when `callback` is not a function
   *
   * @example
   * const stop = im.connection.on(({ state, lag, lastError }) => console.log(state, lag, lastError?.message));
   * stop();
   */
  readonly on: (callback: (status: ConnectionStatus) => void) => () => void;
}

/** A change of the lag is reported so long after it, with the value of that moment. */
const LAG_INTERVAL_MS = 250;

/** @internal */
export class LiveConnection implements Connection {
  #status: Omit<ConnectionStatus, "lag" | "gap"> = { state: "idle" };
  #reportedLag = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();

  readonly #lag: () => number;

  /** `lag` gives the lag of the slowest stream. */
  constructor(lag: () => number) {
    this.#lag = lag;
  }

  get state(): ConnectionState {
    return this.#status.state;
  }

  get lag(): number {
    return this.#lag();
  }

  get lastError(): IMessageError | undefined {
    return this.#status.lastError;
  }

  get failedAttempt(): FailedAttempt | undefined {
    return this.#status.failedAttempt;
  }

  // A property, so that it works without the object, as in React's `useSyncExternalStore(im.connection.on, …)`.
  readonly on = (callback: (status: ConnectionStatus) => void): (() => void) => {
    if (typeof callback !== "function") throw invalid("callback", `expected a function, got ${typeof callback}`);
    // A function of our own, so that the same callback may be given twice and be stopped once.
    const listener = (status: ConnectionStatus) => callback(status);
    this.#listeners.add(listener);
    this.watchLag();
    return () => void this.#listeners.delete(listener);
  };

  /** Called while Rust is on the stack, so users are called in a later microtask. */
  changed(status: Omit<ConnectionStatus, "lag" | "gap">): void {
    this.#status = status;
    this.#tell({});
  }

  /** Called while Rust is on the stack, too. */
  skipped(gap: Gap): void {
    this.#tell({ gap });
  }

  /** Reports the lag in intervals until it is gone: each event that is handled at once would change it twice. */
  watchLag(): void {
    if (this.#timer !== undefined || this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const { lag } = this;
      if (lag !== this.#reportedLag) this.#tell({});
      // What happens within a batch is seen only by looking.
      if (lag > 0) this.watchLag();
    }, LAG_INTERVAL_MS);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #tell(more: Pick<ConnectionStatus, "gap">): void {
    const known = this.#status;
    // A turn of a promise: a test that fakes the clock often fakes `queueMicrotask` with it.
    void Promise.resolve().then(() => {
      const { lag } = this;
      this.#reportedLag = lag;
      const status = { ...known, lag, ...more };
      for (const listener of this.#listeners) {
        try {
          listener(status);
        } catch (error) {
          // One listener's mistake is reported as the runtime reports any, and does not keep the others from hearing.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    });
  }
}
