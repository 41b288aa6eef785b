import { abortReason, onAbort } from "./abort.js";
import { CursorSaver, type CursorStore } from "./cursor-store.js";
import { precondition } from "./errors.js";
import type { Trap } from "./trap.js";
import type { EventStream } from "./wasm/im_chats.js";

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

/** What an {@link EventIterator} needs of its client. @internal */
export interface StreamOwner {
  /** Guards the wasm that the stream is in. */
  readonly trap: Trap;
  /** Opens the subscription; `cut` resolves when that is not needed any more. */
  open(cut: Promise<void>): Promise<EventStream>;
  /** What a failure is to the user. */
  explain(error: unknown): unknown;
  /** Called once, when the stream is over and its cursor saved. */
  onEnd(): void;
}

/**
 * The events of one subscription. The wasm is asked once per batch; in between, `next()` only walks an array. The wasm knows where the
 * stream is and how the server ended it; in here is how its user ended it.
 *
 * @internal
 */
export class EventIterator<T extends object> implements StreamSource<T> {
  readonly [SOURCE] = true;
  readonly ready: Promise<void>;
  #batch: readonly T[] = [];
  /** How many events of the batch the user was given. */
  #given = 0;
  #stream: EventStream | undefined;
  /** Nothing more is given: the user ended it, or was told of its end. */
  #isCut = false;
  /** Where it ended; the wasm has forgotten it then. */
  #cursor: string | undefined;
  /** And where it is once the event that was given last is handled, too. */
  #last: string | undefined;
  /** What the next `next()` throws, once. */
  #failure: { readonly reason: unknown } | undefined;
  /** Why there will be no `ready`. */
  #reason: unknown;
  /** The last cursor could not be saved, and no call has thrown that error yet. */
  #unsaved = false;
  /** There is a stream, or it was cut before. */
  readonly #opening: Promise<EventStream | void>;
  readonly #cut: Promise<void>;
  #resolveCut!: () => void;
  /** How many calls to `next()` wait for a batch, one behind the other, and the last of them. */
  #waiting = 0;
  #turn: Promise<unknown> | undefined;
  readonly #owner: StreamOwner;
  readonly #saver: CursorSaver | undefined;
  #stopListening: (() => void) | undefined;
  // One function for all batches: V8 forgets what it compiled of a function that does not live through a garbage collection.
  readonly #takeNext = () => this.#take();
  readonly #pull = () => (this.#stream as EventStream).pull();

  constructor(owner: StreamOwner, store?: CursorStore) {
    this.#owner = owner;
    this.#saver = store && new CursorSaver(store, () => this.cursor, (error) => this.#storeFailed(owner.explain(error)));
    this.#cut = new Promise((resolve) => (this.#resolveCut = resolve));
    this.#opening = Promise.race([this.#open(), this.#cut]);
    this.ready = this.#attach();
    // The iterating code sees the error; a stream that nobody awaits must not become an unhandled rejection.
    this.ready.catch(() => {});
  }

  /** Enters the wasm for an answer. */
  #enter<A>(act: () => Promise<A>): Promise<A> {
    const { trap } = this.#owner;
    return trap.awaitAnswer(this, trap.enter(act));
  }

  async #open(): Promise<EventStream | void> {
    try {
      const stream = await this.#owner.open(this.#cut);
      if (this.#isCut) this.#owner.trap.attempt(() => stream.close(0));
      else return (this.#stream = stream);
    } catch (error) {
      this.#fail(this.#owner.explain(error));
    }
  }

  async #attach(): Promise<void> {
    const stream = await this.#opening;
    try {
      // Before anybody hears that nothing is missed from now on, the place it begins at is kept over a restart.
      if (stream) await this.#enter(() => stream.ready()).then(() => this.#saver?.flush());
    } catch (error) {
      if (error === undefined) this.#end();
      else this.#fail(this.#owner.explain(error));
    }
    if (this.#isCut) throw this.#reason ?? precondition("the stream was closed before it was attached");
  }

  /** Ends the stream with the signal's reason once it is aborted, or at once when it is already. */
  obey(signal: AbortSignal): void {
    const abort = () => this.#fail(abortReason(signal));
    if (signal.aborted) {
      abort();
      return;
    }
    this.#stopListening = onAbort(signal, abort);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0 && this.#given < this.#batch.length) return Promise.resolve(this.#give());
    const take = this.#takeNext;
    const turn = this.#waiting++ === 0 ? take() : (this.#turn as Promise<unknown>).then(take, take);
    this.#turn = turn;
    return turn;
  }

  #give(): IteratorResult<T, undefined> {
    const value = this.#batch[this.#given++] as T;
    this.#saver?.moved();
    return { done: false, value };
  }

  async #take(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#isCut) {
        // Who asks for more has handled the last event.
        this.acknowledge();
        return this.#over();
      }
      if (this.#given === this.#batch.length) {
        this.#batch = [];
        this.#given = 0;
        const stream = this.#stream ?? (await this.#opening);
        // Asking for more is what handles the last event: from here on the cursor is behind it.
        const pulling = stream && this.#enter(this.#pull);
        this.#saver?.moved();
        const batch = await pulling;
        if (batch === undefined || this.#isCut) {
          this.#end();
          return this.#over();
        }
        this.#batch = batch as readonly T[];
      }
      return this.#give();
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
    if (this.#isCut) return;
    this.#failure = { reason };
    this.#reason = reason;
    this.#end();
  }

  /** Also for a stream that is over: `close()` then throws that the last cursor could not be saved. */
  #storeFailed(error: unknown): void {
    this.#failure = { reason: error };
    this.#reason ??= error;
    this.#unsaved = true;
    this.#end();
  }

  #end(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const given = this.#given;
    this.#batch = [];
    this.#given = 0;
    this.#stopListening?.();
    this.#resolveCut();
    const end = this.#owner.trap.attempt(() => this.#stream?.close(given));
    this.#cursor = end?.handled;
    this.#last = end?.given;
    this.#stream = undefined;
    if (this.#saver) void this.#saver.close().then(() => this.#owner.onEnd());
    else this.#owner.onEnd();
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    if (this.#saver) await this.#saver.close();
    return this.#unsaved ? this.#over() : END;
  }

  get cursor(): string | undefined {
    return this.#isCut ? this.#cursor : this.#owner.trap.attempt(() => this.#stream?.cursor(this.#given));
  }

  /** How far the log's head is ahead of the last event that was handled. */
  get lag(): number {
    return this.#owner.trap.attempt(() => this.#stream?.lag(this.#given)) ?? 0;
  }

  acknowledge(): void {
    if (this.#isCut) this.#cursor = this.#last;
    else this.#owner.trap.attempt(() => this.#stream?.acknowledge());
    this.#saver?.moved();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
