import { invalid } from "./errors.js";
import { TypedEventStream } from "./stream.js";

/**
 * A stream of the events that are given, for code that takes one: no client, no server. It is ready at once and has no `cursor`. It ends
 * after the last event; an error that the iterable throws reaches the loop.
 *
 * @param events what the stream gives: a list, or any iterable, asynchronous ones included
 * @returns the stream, for `for await` or {@link TypedEventStream.on}; like any other it has one consumer
 * @throws ValidationError when `events` is not iterable
 *
 * @example
 * async function countUnarchived(stream: TypedEventStream<ChatEvent>) {
 *   let count = 0;
 *   for await (const event of stream) if (event.type === "chat.unarchived") count++;
 *   return count;
 * }
 * const event = { type: "chat.unarchived", chatGuid: "any;-;alice@example.com", sequence: 1, occurredAt: "2026-01-01T00:00:00Z", isFromMe: true } as const;
 * expect(await countUnarchived(fakeStream([event]))).toBe(1);
 */
export function fakeStream<T>(events: Iterable<T> | AsyncIterable<T>): TypedEventStream<T> {
  const given = Object(events) as Partial<Iterable<T> & AsyncIterable<T>>;
  const isIterable = typeof given[Symbol.asyncIterator] === "function" || typeof given[Symbol.iterator] === "function";
  // A text is iterable, too, and never meant.
  if (typeof events === "string" || !isIterable) throw invalid("events", "expected a list of events, or another iterable");
  return new TypedEventStream<T>(
    (async function* () {
      yield* events;
    })(),
  );
}
