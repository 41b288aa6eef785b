import { ErrorCode, invalid, IMessageError } from "./errors.js";
import type { MessagesClient } from "./messages-types.js";
import type { Client } from "./types.js";

/** What an inbox needs of a client. `messages` has a client of `im-chats/messages` alone. @internal */
export type Source = Pick<Client, "chats" | "events" | "connection"> & Partial<Pick<MessagesClient, "messages">>;

/** A client, by its shape: one of another copy of the package is as good. @internal */
export function checkClient(client: unknown): asserts client is Source {
  const { chats, events, connection } = Object(client) as Partial<Source>;
  const has = (object: unknown, name: string) => typeof (Object(object) as Record<string, unknown>)[name] === "function";
  if (!has(chats, "get") || !has(chats, "list") || !has(events, "subscribe") || !has(connection, "on")) {
    throw invalid("client", "expected a client, as createClient gives one");
  }
}

/** Anything that was thrown, as an error. @internal */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/** Whether it can go well another time. @internal */
export function isRetryable(error: Error | undefined): boolean {
  return error instanceof IMessageError && error.retryable;
}

/** Whether the log that the cursor belongs to is not the server's any more. @internal */
export function isOtherLog(error: unknown): boolean {
  return error instanceof IMessageError && [ErrorCode.logChanged, ErrorCode.cursorAhead, ErrorCode.cursorTooOld].some((code) => code === error.code);
}

/** How many requests are under way at once. */
const MAX_REQUESTS = 4;

/** Lets a few requests run at once; the others wait in line. @internal */
export class Requests {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#running === MAX_REQUESTS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await act();
    } finally {
      // Whoever waits takes the place over.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
