import type { StreamSource } from "./iterator.js";

/** Node 18 has no such symbol yet; TypeScript's and Babel's `using` look for this one then. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);

/**
 * A stream of events, for `for await`, or for a callback with {@link TypedEventStream.on | on}.
 *
 * A stream has one consumer. `filter`, `map` and `take` give a new stream that consumes this one. Leaving the loop – also by
 * `break` or an error – ends the stream, at the server too. An event is handled once the next one is asked for: a slow
 * consumer slows the server down instead of filling memory.
 */
export class TypedEventStream<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #source: StreamSource<T>;
  #claimed = false;
  #closed = false;

  /**
   * Streams come from `subscribeEvents` and `catchUp`; making one from any async iterable helps to test code that takes one.
   *
   * @param source what to iterate
   * @param cleanup called once, when the stream ends or is closed
   */
  constructor(source: AsyncIterable<T>, cleanup?: () => void | Promise<void>) {
    this.#source = isStreamSource(source) ? source : adopt(source, cleanup);
    // So that they work without the object, as in `const { on, close } = stream`.
    this.on = this.on.bind(this);
    this.filter = this.filter.bind(this);
    this.map = this.map.bind(this);
    this.take = this.take.bind(this);
    this.close = this.close.bind(this);
  }

  /** Takes the stream as its one consumer. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    this.#claim();
    const source = this.#source;
    return {
      next: () => source.next(),
      return: () => source.return(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Calls `callback` for every event, and waits for it when it is asynchronous.
   *
   * An error, of the stream or of the callback, ends the stream and goes to `onError`; without `onError` it is thrown
   * asynchronously, where the runtime reports it.
   *
   * @returns a function that ends the stream
   */
  on(callback: (event: T) => void | Promise<void>, onError?: (error: unknown) => void): () => void {
    this.#claim();
    const source = this.#source;
    const run = async () => {
      try {
        for (let step = await source.next(); !step.done; step = await source.next()) {
          await callback(step.value);
        }
      } finally {
        await source.return();
      }
    };
    run().catch((error: unknown) => {
      if (onError) {
        onError(error);
      } else {
        queueMicrotask(() => {
          throw error;
        });
      }
    });
    return () => void this.close();
  }

  /** Only the events for which `predicate` holds; a type guard narrows the type. */
  filter<S extends T>(predicate: (event: T) => event is S): TypedEventStream<S>;
  filter(predicate: (event: T) => boolean): TypedEventStream<T>;
  filter(predicate: (event: T) => boolean): TypedEventStream<T> {
    return this.#derive(async (next) => {
      let step = await next();
      while (!step.done && !predicate(step.value)) step = await next();
      return step;
    });
  }

  /** Every event as `transform` gives it. */
  map<U>(transform: (event: T) => U): TypedEventStream<U> {
    return this.#derive(async (next) => {
      const step = await next();
      return step.done ? step : { done: false, value: transform(step.value) };
    });
  }

  /** The first `count` events; then the stream ends. 0 or less is an empty stream. */
  take(count: number): TypedEventStream<T> {
    let left = count;
    return this.#derive(async (next, parent) => {
      if (!(left > 0)) {
        // Who asks for more has handled the last one.
        if (count > 0) parent.acknowledge();
        return parent.return();
      }
      left -= 1;
      return next();
    });
  }

  /**
   * Where a later stream can go on: pass it as `after`. It moves when the next event is asked for, so what is saved from it
   * was handled. Undefined until the server has said where the stream begins.
   */
  get cursor(): string | undefined {
    return this.#source.cursor;
  }

  /**
   * Resolves once the server has attached the stream: nothing that happens afterwards is missed. Also resolves when the
   * stream ends before that.
   */
  get ready(): Promise<void> {
    return this.#source.ready();
  }

  /** Ends the stream, here and at the server. A loop over it finishes. Safe to repeat. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#source.return();
  }

  /** For `await using`: {@link TypedEventStream.close | close}. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  #claim(): void {
    if (this.#closed) throw new Error("this stream is closed; subscribe again for a new one");
    if (this.#claimed) {
      throw new Error("this stream already has its one consumer; use filter, map or take before consuming it, or subscribe again");
    }
    this.#claimed = true;
  }

  #derive<U>(
    step: (next: () => Promise<IteratorResult<T, undefined>>, parent: StreamSource<T>) => Promise<IteratorResult<U, undefined>>,
  ): TypedEventStream<U> {
    const parent = this.#source;
    let claimed = false;
    let ended = false;
    // A derived stream's calls must not overtake each other inside the user's predicate.
    let turn: Promise<unknown> = Promise.resolve();
    const end = async () => {
      ended = true;
      await parent.return();
      return { done: true, value: undefined } as const;
    };
    const source: StreamSource<U> = {
      next: () => {
        const result = turn.then(async (): Promise<IteratorResult<U, undefined>> => {
          if (ended) return { done: true, value: undefined };
          if (!claimed) {
            this.#claim();
            claimed = true;
          }
          try {
            const stepped = await step(() => parent.next(), parent);
            return stepped.done ? await end() : stepped;
          } catch (error) {
            await end();
            throw error;
          }
        });
        turn = result.catch(() => {});
        return result;
      },
      return: end,
      get cursor() {
        return parent.cursor;
      },
      acknowledge: () => parent.acknowledge(),
      ready: () => parent.ready(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    return new TypedEventStream<U>(source);
  }
}

function isStreamSource<T>(source: AsyncIterable<T>): source is StreamSource<T> {
  return "acknowledge" in source;
}

/** Any async iterable as a source: it has no cursor, and closing it interrupts whoever waits. */
function adopt<T>(iterable: AsyncIterable<T>, cleanup: (() => void | Promise<void>) | undefined): StreamSource<T> {
  const end = { done: true, value: undefined } as const;
  let iterator: AsyncIterator<T> | undefined;
  let interrupt: (() => void) | undefined;
  let ended = false;
  const finish = async () => {
    if (ended) return;
    ended = true;
    interrupt?.();
    // Not awaited: a generator that is waiting itself answers only after its own wait.
    void Promise.resolve(iterator?.return?.(undefined)).catch(() => {});
    await cleanup?.();
  };
  return {
    async next() {
      if (ended) return end;
      iterator ??= iterable[Symbol.asyncIterator]();
      const interrupted = new Promise<typeof end>((resolve) => {
        interrupt = () => resolve(end);
      });
      try {
        const step = await Promise.race([iterator.next(), interrupted]);
        if (!step.done && !ended) return step;
      } catch (error) {
        await finish();
        throw error;
      }
      await finish();
      return end;
    },
    async return() {
      await finish();
      return end;
    },
    cursor: undefined,
    acknowledge() {},
    async ready() {},
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
