import { CursorSaver, type CursorStore } from "./cursor-store.js";
import { precondition } from "./errors.js";
import { abortReason, onAbort } from "./host.js";
import type { StreamHandle } from "./wasm/im_chats.js";

/** Marks what is a {@link StreamSource}: a user's own iterable may have methods of the same names. @internal */
export const SOURCE: unique symbol = Symbol();

/** What a stream pulls from: an async iterator that also knows its cursor. @internal */
export interface StreamSource<T> extends AsyncIterableIterator<T, undefined> {
  readonly [SOURCE]: true;
  next(): Promise<IteratorResult<T, undefined>>;
  /** Ends it; a waiting `next()` gets the end. Safe to repeat. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** Everything up to here was handled. */
  readonly cursor: string | undefined;
  /** The event given last counts as handled, although no next one is asked for. */
  acknowledge(): void;
  /** Resolves once nothing that happens from now on can be missed; rejects when it ended before that. */
  readonly ready: Promise<void>;
}

/** @internal */
export const END: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

/** @internal */
export interface Sequenced {
  readonly sequence?: number;
}

/** Waits for the wasm side, which would never settle once that stops working. */
const waiting = new Set<((error: unknown) => void) | undefined>();

/** Fails everyone who waits for the wasm side. @internal */
export function failWaiting(error: unknown): void {
  for (const refuse of [...waiting]) refuse?.(error);
}

/** What the wasm side gives to one of two callbacks. */
function answer<T>(ask: (accept: (value: T) => void, refuse: (error: unknown) => void) => void): Promise<T> {
  return new Promise((accept, reject) => {
    const refuse = (error: unknown) => {
      waiting.delete(refuse);
      reject(error);
    };
    waiting.add(refuse);
    ask((value) => {
      waiting.delete(refuse);
      accept(value);
    }, refuse);
  });
}

/** What an {@link EventIterator} needs of its client. @internal */
export interface StreamOwner {
  /** Opens the subscription; `settled` resolves once that is done, or not needed any more. */
  open(settled: Promise<void>): Promise<StreamHandle>;
  /** What a failure of the wasm side is to the user. */
  explain(error: unknown): unknown;
  /** Throws when the wasm side stopped working, and would never answer. */
  check(): void;
  /** Called once, when the stream is over and its cursor saved. */
  onEnd(): void;
}

/**
 * The events of one subscription. The wasm side is asked once per batch; in between, `next()` only walks an array.
 * @internal
 */
export class EventIterator<T extends Sequenced> implements StreamSource<T> {
  readonly [SOURCE] = true;
  readonly ready: Promise<void>;
  #settleReady!: { resolve(): void; reject(reason: unknown): void };
  #attached = false;
  #waiter: ((error: unknown) => void) | undefined;
  #batch: readonly T[] = [];
  #index = 0;
  #acknowledged = false;
  #source: StreamHandle | undefined;
  /** What the next `next()` throws, once. */
  #failure: { readonly reason: unknown } | undefined;
  /** The last cursor could not be saved, and no call has thrown that error yet. */
  #unsaved = false;
  #ended = false;
  /** The cursor a stream that is over ended with. */
  #cursor: string | undefined;
  /** And where it is once the event that was given last is handled, too. */
  #given: string | undefined;
  /** Settles when there is a source, or the stream is over before. */
  readonly #opening: Promise<void>;
  #opened!: () => void;
  /** How many calls to `next()` wait for a batch, one behind the other, and the last of them. */
  #waiting = 0;
  #last: Promise<unknown> | undefined;
  readonly #owner: StreamOwner;
  readonly #saver: CursorSaver | undefined;
  #removeListener: (() => void) | undefined;

  constructor(owner: StreamOwner, store?: CursorStore) {
    this.#owner = owner;
    this.#saver = store && new CursorSaver(store, () => this.cursor, (error) => this.#storeFailed(owner.explain(error)));
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    // The iterating code sees the error; a stream that nobody awaits must not become an unhandled rejection.
    this.ready.catch(() => {});
    this.#opening = new Promise((resolve) => (this.#opened = resolve));
    const open = async () => this.#begin(await owner.open(this.#opening));
    open().catch((error: unknown) => this.#fail(owner.explain(error)));
  }

  #begin(source: StreamHandle): void {
    if (this.#ended) {
      source.close();
      source.free();
      return;
    }
    this.#source = source;
    this.#opened();
    // Held by the wasm side, where no garbage collector looks, so it must not hold the stream: its client does.
    const self = typeof WeakRef === "undefined" ? { deref: () => this } : new WeakRef(this);
    // Not now: Rust is on the stack.
    const settle = (error?: unknown) =>
      queueMicrotask(() => {
        const stream = self.deref();
        if (stream) void stream.#settleAttached(error);
      });
    waiting.add(settle);
    this.#waiter = settle;
    source.ready(() => settle(), (error: unknown) => settle(error ?? END));
  }

  /** The server attached the stream, or – then there is an error, or {@link END} – never will. */
  async #settleAttached(error: unknown): Promise<void> {
    if (error === END) this.#finish();
    else if (error !== undefined) this.#fail(this.#owner.explain(error));
    // Before anybody hears that nothing is missed from now on, the place it begins at is kept over a restart.
    else await this.#saver?.flush();
    waiting.delete(this.#waiter);
    if (this.#ended) return;
    this.#attached = true;
    this.#settleReady.resolve();
  }

  /** Ends the stream with the signal's reason once it is aborted, or at once when it is already. */
  obey(signal: AbortSignal): void {
    const abort = () => this.#fail(abortReason(signal));
    if (signal.aborted) {
      abort();
      return;
    }
    this.#removeListener = onAbort(signal, abort);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0 && this.#index < this.#batch.length) {
      const value = this.#batch[this.#index++] as T;
      this.#saver?.moved();
      return Promise.resolve({ done: false, value });
    }
    const take = () => this.#take();
    const turn = this.#waiting++ === 0 ? take() : (this.#last as Promise<unknown>).then(take, take);
    this.#last = turn;
    return turn;
  }

  async #take(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#ended) this.acknowledge();
      if (this.#index === this.#batch.length) {
        // Asking for more is what handles the last event: from here on the wasm side knows the cursor.
        this.#batch = [];
        this.#index = 0;
        if (!this.#source) await this.#opening;
        const source = this.#source;
        this.#owner.check();
        const pulling = source && answer<readonly T[] | undefined>((accept, refuse) => source.pull(accept, refuse));
        this.#saver?.moved();
        const pulled = await pulling;
        if (pulled === undefined || this.#ended) {
          this.#finish();
          return this.#over();
        }
        this.#batch = pulled;
      }
      const value = this.#batch[this.#index++] as T;
      this.#saver?.moved();
      return { done: false, value };
    } catch (error) {
      this.#fail(this.#owner.explain(error));
      return this.#over();
    } finally {
      // Not later: the caller asks for the next event at once, which is here then, and needs no promise to wait for.
      this.#waiting -= 1;
    }
  }

  /** The end, or – once – what it failed with or was aborted for; not before the cursor is saved. */
  async #over(): Promise<IteratorResult<T, undefined>> {
    if (this.#saver) await this.#saver.close();
    const failure = this.#failure;
    this.#failure = undefined;
    this.#unsaved = false;
    if (failure) throw failure.reason;
    return END;
  }

  #fail(reason: unknown): void {
    if (this.#ended) return;
    this.#failure = { reason };
    this.#finish();
  }

  /** Also for a stream that is over: `close()` then throws that the last cursor could not be saved. */
  #storeFailed(error: unknown): void {
    this.#failure = { reason: error };
    this.#unsaved = true;
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    const source = this.#source;
    this.#cursor = this.cursor;
    if (this.#index > 0) this.#given = this.#cursorAt(this.#index - 1);
    this.#ended = true;
    this.#batch = [];
    this.#index = 0;
    this.#source = undefined;
    this.#removeListener?.();
    waiting.delete(this.#waiter);
    this.#opened();
    try {
      source?.close();
      this.#cursor ??= source?.cursor(undefined) as string | undefined;
      source?.free();
    } catch {
      // The wasm side stopped working, which is why this stream ends.
    }
    if (!this.#attached) {
      this.#settleReady.reject(this.#failure ? this.#failure.reason : precondition("the stream was closed before it was attached"));
    }
    if (this.#saver) void this.#saver.close().then(() => this.#owner.onEnd());
    else this.#owner.onEnd();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#finish();
    if (this.#saver) await this.#saver.close();
    return this.#unsaved ? this.#over() : END;
  }

  get cursor(): string | undefined {
    if (!this.#source) return this.#cursor;
    // The event given last is with the user, so the one before it is the last that was handled.
    const handled = this.#index - (this.#acknowledged ? 1 : 2);
    return this.#cursorAt(handled);
  }

  #cursorAt(index: number): string | undefined {
    try {
      return this.#source?.cursor(this.#batch[index]?.sequence) as string | undefined;
    } catch (error) {
      // The wasm side stopped working: the next `next()` throws the error.
      this.#owner.explain(error);
      return undefined;
    }
  }

  /** How far the log's head is ahead of the last event that was handled. */
  get lag(): number {
    const handled = this.#index - (this.#acknowledged ? 1 : 2);
    return (this.#source?.lag(this.#batch[handled]?.sequence) as number | undefined) ?? 0;
  }

  acknowledge(): void {
    if (this.#ended) {
      this.#cursor = this.#given ?? this.#cursor;
      this.#given = undefined;
    } else {
      this.#acknowledged = true;
    }
    this.#saver?.moved();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
