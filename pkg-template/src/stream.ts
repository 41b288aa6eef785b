import { invalid, precondition } from "./errors.js";
import { END, SOURCE, type StreamSource } from "./iterator.js";

/** Node 18 has no such symbol yet; TypeScript's and Babel's `using` look for this one then. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);

/**
 * A stream of events, for `for await`, or for a callback with {@link TypedEventStream.on | on}.
 *
 * A stream has one consumer. `filter`, `map` and `take` give a new stream that consumes this one. Leaving the loop – also by
 * `break` or an error – ends the stream, at the server too.
 *
 * An event is handled once the next one is asked for: the loop comes round, or the callback returned or its promise resolved.
 * A slow consumer therefore slows the server down instead of filling memory. An event at which a loop is left, by `break`,
 * `return` or an error, is not handled: JavaScript tells a stream that it was left, but not why. To stop after an event and have
 * it count, call {@link TypedEventStream.close | close} or abort the signal inside the loop, and let the loop end by itself.
 */
export class TypedEventStream<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #source: StreamSource<T>;
  #claimed = false;
  #closed = false;

  /**
   * Streams come from `subscribeEvents` and `catchUp`; making one from any async iterable helps to test code that takes one.
   *
   * @param source what to iterate
   * @param cleanup called once, when the stream ends or is closed. Without it nothing is
   * @throws ValidationError when an argument is wrong; `context.field` names it
   *
   * @example
   * const stream = new TypedEventStream(async function* () { yield 1; yield 2; }());
   */
  constructor(source: AsyncIterable<T>, cleanup?: () => void | Promise<void>) {
    const given = Object(source) as Partial<StreamSource<T>>;
    if (typeof given[Symbol.asyncIterator] !== "function") throw invalid("source", "expected an async iterable");
    if (cleanup !== undefined) checkFunction(cleanup, "cleanup");
    this.#source = given[SOURCE] ? (source as StreamSource<T>) : adopt(source, cleanup);
    // So that they work without the object, as in `const { on, close } = stream`.
    this.on = this.on.bind(this);
    this.filter = this.filter.bind(this);
    this.map = this.map.bind(this);
    this.take = this.take.bind(this);
    this.close = this.close.bind(this);
  }

  /**
   * For `for await`: takes the stream as its one consumer. The loop throws what ends the stream, or the reason of its signal.
   *
   * @throws ValidationError of code `preconditionFailed` when the stream has a consumer already, or is closed
   */
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
   * @param callback is given every event, in order; the next one waits for the promise it may return
   * @param onError is given what ended the stream, when an error did. Without it the error is thrown asynchronously
   * @returns a function that ends the stream
   * @throws ValidationError when an argument is no function, or the stream has a consumer already, or is closed
   *
   * @example
   * const stop = stream.on((event) => console.log(event.type), (error) => console.error("the stream ended", error));
   * stop();
   */
  on(callback: (event: T) => void | Promise<void>, onError?: (error: unknown) => void): () => void {
    checkFunction(callback, "callback");
    if (onError !== undefined) checkFunction(onError, "onError");
    this.#claim();
    const source = this.#source;
    const report = (error: unknown) => {
      if (onError) {
        onError(error);
      } else {
        queueMicrotask(() => {
          throw error;
        });
      }
    };
    const run = async () => {
      try {
        for (let step = await source.next(); !step.done; step = await source.next()) {
          await callback(step.value);
        }
      } catch (error) {
        await source.return().catch(report);
        throw error;
      }
    };
    run().catch(report);
    return () => void this.close().catch(report);
  }

  /**
   * Only the events for which `predicate` holds, as a type guard: the stream's type is narrowed.
   *
   * @param predicate tells whether an event is of the type; when it throws, the stream ends with that error
   * @returns a new stream, which consumes this one
   * @throws ValidationError when `predicate` is not a function
   *
   * @example
   * const archived = stream.filter((event): event is ChatArchived => event.type === "chat.archived");
   */
  filter<S extends T>(predicate: (event: T) => event is S): TypedEventStream<S>;
  /**
   * Only the events for which `predicate` holds.
   *
   * @param predicate tells whether to give an event; when it throws, the stream ends with that error
   * @returns a new stream, which consumes this one
   * @throws ValidationError when `predicate` is not a function
   *
   * @example
   * for await (const event of stream.filter((event) => !event.isFromMe)) console.log(event.type);
   */
  filter(predicate: (event: T) => boolean): TypedEventStream<T>;
  filter(predicate: (event: T) => boolean): TypedEventStream<T> {
    checkFunction(predicate, "predicate");
    return this.#derive(async (next) => {
      let step = await next();
      while (!step.done && !predicate(step.value)) step = await next();
      return step;
    });
  }

  /**
   * Every event as `transform` gives it. A promise that it gives is not awaited: `for await` over the stream does not either.
   *
   * @param transform makes something of an event; when it throws, the stream ends with that error
   * @returns a new stream, which consumes this one
   * @throws ValidationError when `transform` is not a function
   *
   * @example
   * for await (const guid of stream.map((event) => event.chatGuid)) console.log(guid);
   */
  map<U>(transform: (event: T) => U): TypedEventStream<U> {
    checkFunction(transform, "transform");
    return this.#derive(async (next) => {
      const step = await next();
      return step.done ? step : { done: false, value: transform(step.value) };
    });
  }

  /**
   * The first `count` events; then the stream ends, at the server too.
   *
   * @param count how many: a whole number, or `Infinity`. 0 or less is an empty stream
   * @returns a new stream, which consumes this one
   * @throws ValidationError when `count` is not a whole number
   *
   * @example
   * for await (const event of stream.take(10)) console.log(event.type);
   */
  take(count: number): TypedEventStream<T> {
    if (!Number.isInteger(count) && count !== Infinity) throw invalid("count", "expected a whole number");
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
   * Where a later stream can go on: pass it as `after`. It is known once the stream is {@link TypedEventStream.ready | ready},
   * undefined before, and moves when the next event is asked for: everything up to it was handled. To have it saved, use the
   * option `cursor` of `subscribeEvents`.
   *
   * @example
   * im.chats.subscribeEvents({ after: stream.cursor });
   */
  get cursor(): string | undefined {
    return this.#source.cursor;
  }

  /**
   * Resolves once the server has attached the stream: nothing that happens afterwards is missed, and the
   * {@link TypedEventStream.cursor | cursor} is known – and saved, when the stream has a store for it.
   *
   * Rejects when the stream ends before that: with the stream's error, the reason of its signal, or, when it was closed, with a
   * `ValidationError` of code `preconditionFailed`. One promise per stream, which always settles; `filter`, `map` and `take` share
   * it. Nobody needs to await it.
   *
   * @example
   * const stream = im.chats.subscribeEvents();
   * await stream.ready;
   * await im.chats.markRead(guid); // its event is in the stream
   */
  get ready(): Promise<void> {
    return this.#source.ready;
  }

  /**
   * Ends the stream, here and at the server. A loop over it finishes. Safe to repeat.
   *
   * Resolves once the cursor is saved, when the stream has a store for it.
   *
   * @throws IMessageError when the cursor could not be saved, with `context.field` `cursor`: a `ConnectionError` of code
   * `timeout` after 10 seconds, or the store's own failure as its `cause`
   *
   * @example
   * for await (const event of stream) {
   *   if (event.type === "chat.archived") void stream.close(); // instead of `break`: the event counts as handled
   * }
   */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#source.return();
  }

  /** For `await using`: ends the stream at the end of the block, as {@link TypedEventStream.close | close} does. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  #claim(): void {
    if (this.#closed) throw precondition("this stream is closed; subscribe again for a new one");
    if (this.#claimed) {
      throw precondition("this stream already has its one consumer; use filter, map or take before consuming it, or subscribe again");
    }
    this.#claimed = true;
  }

  #derive<U>(
    step: (next: () => Promise<IteratorResult<T, undefined>>, parent: StreamSource<T>) => Promise<IteratorResult<U, undefined>>,
  ): TypedEventStream<U> {
    const parent = this.#source;
    let claimed = false;
    let ended = false;
    let failed = false;
    // A derived stream's calls must not overtake each other inside the user's predicate.
    let turn: Promise<unknown> = Promise.resolve();
    const end = async () => {
      ended = true;
      await parent.return();
      return END;
    };
    const source: StreamSource<U> = {
      [SOURCE]: true,
      next: () => {
        const result = turn.then(async (): Promise<IteratorResult<U, undefined>> => {
          // The parent learns that the event given last is handled. Not so the event at which the user's function failed.
          if (ended) return failed ? END : (parent.next() as Promise<typeof END>);
          if (!claimed) {
            this.#claim();
            claimed = true;
          }
          try {
            const stepped = await step(() => parent.next(), parent);
            return stepped.done ? await end() : stepped;
          } catch (error) {
            failed = true;
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
      get ready() {
        return parent.ready;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
    return new TypedEventStream<U>(source);
  }
}

function checkFunction(value: unknown, name: string): void {
  if (typeof value !== "function") throw invalid(name, `expected a function, got ${value === null ? "null" : typeof value}`);
}

/** Any async iterable as a source: it has no cursor, and closing it interrupts everyone who waits. */
function adopt<T>(iterable: AsyncIterable<T>, cleanup: (() => void | Promise<void>) | undefined): StreamSource<T> {
  let iterator: AsyncIterator<T> | undefined;
  const interrupts = new Set<() => void>();
  let over: Promise<void> | undefined;
  const finish = () =>
    (over ??= (async () => {
      for (const interrupt of interrupts) interrupt();
      // Not awaited: a generator that is waiting itself answers only after its own wait.
      void (async () => iterator?.return?.(undefined))().catch(() => {});
      await cleanup?.();
    })());
  const step = async (interrupt: () => void): Promise<IteratorResult<T, undefined>> => {
    try {
      iterator ??= iterable[Symbol.asyncIterator]();
      const given = await iterator.next();
      if (!given.done && !over) return given;
    } catch (error) {
      // What an iterator says after its stream was closed is nobody's.
      if (over) return END;
      // Everyone else who waits gets the end, and this one the error.
      interrupts.delete(interrupt);
      await finish().catch(() => {});
      throw error;
    }
    await finish();
    return END;
  };
  return {
    [SOURCE]: true,
    next: () =>
      over
        ? Promise.resolve(END)
        : new Promise((resolve, reject) => {
            const interrupt = () => resolve(END);
            interrupts.add(interrupt);
            step(interrupt)
              .then(resolve, reject)
              .finally(() => interrupts.delete(interrupt));
          }),
    async return() {
      await finish();
      return END;
    },
    cursor: undefined,
    acknowledge() {},
    ready: Promise.resolve(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
