import { abortReason, onAbort } from "./host.js";
import type { Subscription } from "./wasm/im_chats.js";

/** What a stream pulls from: an async iterator that also knows its cursor. @internal */
export interface StreamSource<T> extends AsyncIterableIterator<T, undefined> {
  next(): Promise<IteratorResult<T, undefined>>;
  /** Ends it; whoever waits gets the end. Safe to repeat. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** Everything up to here was handled. */
  readonly cursor: string | undefined;
  /** The event given last counts as handled, although no next one is asked for. */
  acknowledge(): void;
  /** Resolves once nothing that happens from now on can be missed. */
  ready(): Promise<void>;
}

const END: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

/** @internal */
export interface Sequenced {
  readonly sequence?: number;
}

/**
 * The events of one subscription. The wasm side is asked once per batch; in between, `next()` only walks an array.
 * @internal
 */
export class EventIterator<T extends Sequenced> implements StreamSource<T> {
  #batch: readonly T[] = [];
  #index = 0;
  #acknowledged = false;
  #source: Subscription | undefined;
  #failure: { readonly reason: unknown } | undefined;
  #ended = false;
  /** Settles when the stream is closed while the wasm side is still loading. */
  #abandon: (() => void) | undefined;
  readonly #opening: Promise<Subscription | undefined>;
  /** How many calls to `next()` wait for a batch, one behind the other, and the last of them. */
  #waiting = 0;
  #last: Promise<unknown> | undefined;
  readonly #onEnd: () => void;
  /** Gives an error the stack of the call that made the stream. */
  readonly #blame: (error: unknown) => unknown;
  #removeListener: (() => void) | undefined;

  constructor(open: () => Promise<Subscription>, onEnd: () => void, blame: (error: unknown) => unknown) {
    this.#onEnd = onEnd;
    this.#blame = blame;
    const abandoned = new Promise<undefined>((resolve) => {
      this.#abandon = () => resolve(undefined);
    });
    const opened = open().then((source) => {
      if (this.#ended) {
        source.close();
        source.free();
        return undefined;
      }
      this.#source = source;
      return source;
    });
    this.#opening = Promise.race([opened, abandoned]);
    // Whoever iterates sees the error; a stream nobody iterates must not become an unhandled rejection.
    this.#opening.catch(() => {});
    opened.catch(() => {});
  }

  /** Ends the stream with the signal's reason once it is aborted, or at once when it is already. */
  obey(signal: AbortSignal): void {
    const abort = () => {
      if (this.#ended) return;
      this.#failure = { reason: abortReason(signal) };
      this.#finish();
    };
    if (signal.aborted) {
      abort();
      return;
    }
    this.#removeListener = onAbort(signal, abort);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0 && this.#index < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#index++] as T });
    }
    const take = () => this.#take();
    const turn = this.#waiting++ === 0 ? take() : (this.#last as Promise<unknown>).then(take, take);
    this.#last = turn;
    return turn;
  }

  async #take(): Promise<IteratorResult<T, undefined>> {
    try {
      if (this.#index === this.#batch.length) {
        // Asking for more is what handles the last event: from here on the wasm side knows the cursor.
        this.#batch = [];
        this.#index = 0;
        const source = this.#source ?? (this.#ended ? undefined : await this.#opening);
        const pulled = this.#ended || !source ? undefined : await pull<T>(source);
        if (pulled === undefined || this.#ended) {
          this.#finish();
          return this.#over();
        }
        this.#batch = pulled;
      }
      return { done: false, value: this.#batch[this.#index++] as T };
    } catch (error) {
      this.#finish();
      throw this.#blame(error);
    } finally {
      // Not later: whoever gets this answer asks for the next event at once, which is here then, and needs no promise to wait for.
      this.#waiting -= 1;
    }
  }

  /** The end, or – once – the reason it was aborted for. */
  #over(): IteratorResult<T, undefined> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.reason;
    return END;
  }

  #finish(): void {
    if (this.#ended) return;
    this.#cursor = this.cursor;
    this.#ended = true;
    this.#batch = [];
    this.#index = 0;
    this.#removeListener?.();
    this.#abandon?.();
    const source = this.#source;
    this.#source = undefined;
    if (source) {
      source.close();
      this.#cursor ??= source.cursor(undefined) as string | undefined;
      source.free();
    }
    this.#onEnd();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#finish();
    return Promise.resolve(END);
  }

  /** The cursor a stream that is over ended with. */
  #cursor: string | undefined;

  get cursor(): string | undefined {
    if (!this.#source) return this.#cursor;
    // The event given last is with the user, so the one before it is the last that was handled.
    const handled = this.#index - (this.#acknowledged ? 1 : 2);
    return this.#source.cursor(this.#batch[handled]?.sequence) as string | undefined;
  }

  /** How far the log's head is ahead of the last event that was handled. */
  get lag(): number {
    const handled = this.#index - (this.#acknowledged ? 1 : 2);
    return (this.#source?.lag(this.#batch[handled]?.sequence) as number | undefined) ?? 0;
  }

  acknowledge(): void {
    this.#acknowledged = true;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async ready(): Promise<void> {
    const source = this.#source ?? (await this.#opening);
    if (source) await new Promise<void>((resolve) => source.ready(resolve));
  }
}

/** The next batch, or undefined at the end. */
function pull<T>(source: Subscription): Promise<readonly T[] | undefined> {
  return new Promise((accept, refuse) => source.pull(accept, refuse));
}
