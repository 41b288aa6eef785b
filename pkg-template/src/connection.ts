import type { IMessageError } from "./errors.js";
import type { ConnectionState } from "./wasm/im_chats.js";

/** A stretch of the log that a stream left out, because the server no longer holds it. */
export interface Gap {
  /** The last sequence before the gap. */
  readonly from: number;
  /** The last sequence inside the gap; the stream goes on behind it. */
  readonly to: number;
}

/** How the connection of the event streams is, as it is told to those who watch it. */
export interface ConnectionStatus {
  /** How the connection is, in one word. */
  readonly state: ConnectionState;
  /** How many sequence numbers the slowest stream is behind the head of the server's log. */
  readonly lag: number;
  /** Why it does not work; absent while it does. */
  readonly lastError?: IMessageError;
  /** Told once, when a stream with `onGap: "skip"` left something out. */
  readonly gap?: Gap;
}

/** The connection of a client's event streams. Unary calls do not need it. */
export interface Connection {
  /** How the connection is, in one word. `live` is said only while events are really being received. */
  readonly state: ConnectionState;
  /** How many sequence numbers the slowest stream is behind the head of the server's log. */
  readonly lag: number;
  /** Why it does not work; undefined while it does. */
  readonly lastError: IMessageError | undefined;
  /**
   * Calls `callback` whenever the state changes, and when a stream skipped a gap.
   *
   * @returns a function that stops it
   */
  on(callback: (status: ConnectionStatus) => void): () => void;
}

/** What is asked for lag and error. @internal */
export interface ConnectionFacts {
  lag(): number;
  lastError(): IMessageError | undefined;
}

/** @internal */
export class LiveConnection implements Connection {
  #state: ConnectionState = "idle";
  #facts: ConnectionFacts | undefined;
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();

  attach(facts: ConnectionFacts): void {
    this.#facts = facts;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get lag(): number {
    return this.#facts?.lag() ?? 0;
  }

  get lastError(): IMessageError | undefined {
    return this.#facts?.lastError();
  }

  // A property, so that it works without the object, as in React's `useSyncExternalStore(im.connection.on, …)`.
  readonly on = (callback: (status: ConnectionStatus) => void): (() => void) => {
    // A function of our own, so that the same callback may be given twice and be stopped once.
    const listener = (status: ConnectionStatus) => callback(status);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Called while Rust is on the stack, so users are called in a later microtask. */
  changed(state: ConnectionState): void {
    this.#state = state;
    this.#tell(state);
  }

  /** Called while Rust is on the stack, too. */
  skipped(gap: Gap): void {
    this.#tell(this.#state, gap);
  }

  #tell(state: ConnectionState, gap?: Gap): void {
    queueMicrotask(() => {
      const lastError = this.lastError;
      const status = { state, lag: this.lag, ...(lastError && { lastError }), ...(gap && { gap }) };
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
