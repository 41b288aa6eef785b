import { ErrorCode, IMessageError, make } from "./errors.js";

/** Set once the wasm trapped, and never reset: its memory can no longer be trusted. */
let trap: string | undefined;

/** Who waits for the wasm, and for whom: a trap would leave all of them without an answer. */
const waiting = new Map<(error: unknown) => void, object>();

/** What a trapped export gives: the generated code looks into the several values that some give. */
const NOTHING: readonly unknown[] = [];

/**
 * The wasm's exports, out of which no trap gets. Most of them are called by a timer, a socket or a promise, where an error would end
 * the whole program. @internal
 */
export function guarded(exports: WebAssembly.Exports): WebAssembly.Exports {
  const guard = (enter: Function) =>
    (...input: unknown[]): unknown => {
      if (trap !== undefined) return NOTHING;
      try {
        return enter(...input);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        trap = error.message;
        for (const refuse of [...waiting.keys()]) refuse(trapError(trap));
        return NOTHING;
      }
    };
  return Object.fromEntries(
    Object.entries(exports).map(([name, value]) => [name, typeof value === "function" ? guard(value) : value]),
  );
}

/** Each failure has an error of its own: its stack is that of the call that failed. */
function trapError(message: string): IMessageError {
  return make(IMessageError, `im-chats stopped working and must be loaded again: ${message}`, {
    code: ErrorCode.internalError,
    grpcCode: 13,
    retryable: false,
  });
}

/** Enters the wasm. Throws when it trapped, now or earlier: then what it gave is nothing. @internal */
export function enter<T>(act: () => T): T {
  const given = attempt(act);
  if (trap !== undefined) throw trapError(trap);
  return given as T;
}

/** The same; undefined when it trapped. @internal */
export function attempt<T>(act: () => T): T | undefined {
  try {
    const given = trap === undefined ? act() : undefined;
    return trap === undefined ? given : undefined;
  } catch (error) {
    // The generated code stumbles over what a trap left.
    if (trap === undefined) throw error;
    return undefined;
  }
}

/** What the wasm answers to `owner`, who is also answered when it traps, or by {@link refuseAll}. @internal */
export function awaitAnswer<T>(owner: object, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) => {
      waiting.delete(refuse);
      reject(error);
    };
    waiting.set(refuse, owner);
    answer.then((value) => {
      waiting.delete(refuse);
      resolve(value);
    }, refuse);
  });
}

/** Ends what `owner` waits for. @internal */
export function refuseAll(owner: object, error: () => unknown): void {
  for (const [refuse, waitsFor] of [...waiting]) if (waitsFor === owner) refuse(error());
}
