import { ErrorCode, IMessageError, make } from "./errors.js";

/** What a trapped export gives: the generated code looks into the several values that some give. */
const NOTHING: readonly unknown[] = [];

/** Each failure has an error of its own: its stack is that of the call that failed. */
function trapError(message: string): IMessageError {
  return make(IMessageError, `im-chats stopped working and must be loaded again: ${message}`, {
    code: ErrorCode.internalError,
    grpcCode: 13,
    retryable: false,
  });
}

/** Watches one instance of wasm, out of which no trap gets: most exports are called by a timer, a socket or a promise. @internal */
export class Trap {
  /** Set once the wasm trapped, and never reset: its memory can no longer be trusted. */
  #trap: string | undefined;
  /** Who waits for the wasm, and for whom: a trap would leave all of them without an answer. */
  readonly #waiting = new Map<(error: unknown) => void, object>();

  /** The wasm's exports. An error that gets out of one would end the whole program. */
  guarded(exports: WebAssembly.Exports): WebAssembly.Exports {
    const guard = (enter: Function) =>
      (...input: unknown[]): unknown => {
        if (this.#trap !== undefined) return NOTHING;
        try {
          return enter(...input);
        } catch (error) {
          if (!(error instanceof WebAssembly.RuntimeError)) throw error;
          this.#trap = error.message;
          for (const refuse of [...this.#waiting.keys()]) refuse(trapError(this.#trap));
          return NOTHING;
        }
      };
    return Object.fromEntries(
      Object.entries(exports).map(([name, value]) => [name, typeof value === "function" ? guard(value) : value]),
    );
  }

  /** Enters the wasm. Throws when it trapped, now or earlier: then what it gave is nothing. */
  enter<T>(act: () => T): T {
    const given = this.attempt(act);
    if (this.#trap !== undefined) throw trapError(this.#trap);
    return given as T;
  }

  /** The same; undefined when it trapped. */
  attempt<T>(act: () => T): T | undefined {
    try {
      const given = this.#trap === undefined ? act() : undefined;
      return this.#trap === undefined ? given : undefined;
    } catch (error) {
      // The generated code stumbles over what a trap left.
      if (this.#trap === undefined) throw error;
      return undefined;
    }
  }

  /** What the wasm answers to `owner`, who is also answered when it traps, or by {@link Trap.refuseAll}. */
  awaitAnswer<T>(owner: object, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown) => {
        this.#waiting.delete(refuse);
        reject(error);
      };
      this.#waiting.set(refuse, owner);
      answer.then((value) => {
        this.#waiting.delete(refuse);
        resolve(value);
      }, refuse);
    });
  }

  /** Ends what `owner` waits for. */
  refuseAll(owner: object, error: () => unknown): void {
    for (const [refuse, waitsFor] of [...this.#waiting]) if (waitsFor === owner) refuse(error());
  }
}
