// A client that a test plays the server of: what it holds, what its stream brings, and what every call answers.

import { setImmediate as turn } from "node:timers/promises";

/** A moment of the test's own clock: `at(5)` is 5 seconds after its beginning. */
export const at = (seconds) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();

/** A message as the service gives it. */
export const message = (guid, seconds, fields = {}) => ({
  guid,
  chatGuids: [],
  content: { text: guid, attachments: [], formatting: [], mentions: [] },
  isFromMe: false,
  dateCreated: at(seconds),
  appliedReactions: [],
  ...fields,
});

/** A chat as the service gives it, with a last message of `seconds`. */
export const chat = (guid, seconds, fields = {}) => ({
  guid,
  displayName: "",
  isGroup: false,
  service: "iMessage",
  isArchived: false,
  isFiltered: false,
  unreadCount: 0,
  participants: [],
  ...(seconds !== undefined && { lastMessage: summary(message(`last of ${guid}`, seconds)) }),
  ...fields,
});

export const summary = ({ guid, chatGuids, content: { text }, isFromMe, dateCreated }) => ({ guid, chatGuids, content: { text }, isFromMe, dateCreated });

/** Lets everything run that waits for nothing but its turn. */
export const settle = async () => {
  for (let turns = 0; turns < 20; turns++) await turn();
};

/** Something to wait for that a test ends. */
const gate = () => {
  let open, fail;
  const promise = new Promise((resolve, reject) => ([open, fail] = [resolve, reject]));
  promise.catch(() => {});
  return { promise, open, fail };
};

export class FakeClient {
  /** What the server holds. */
  held = new Map();
  /** The messages of each chat, the oldest first. */
  kept = new Map();
  /** Every call, in order. */
  calls = [];
  /** The streams that were opened, each with its options. */
  streams = [];
  /** Set to make calls wait or fail: called with what the call is. */
  onCall = () => {};
  /** Whether a stream is ready as soon as it is opened. */
  isReady = true;
  sequence = 0;

  constructor(TypedEventStream, { withMessages = true } = {}) {
    this.TypedEventStream = TypedEventStream;
    const list = (guid, options = {}) => this.#call(`messages ${guid}`, () => this.#messages(guid, options));
    if (withMessages) this.messages = { list };
  }

  chats = {
    get: (guid) =>
      this.#call(`get ${guid}`, () => {
        const found = this.held.get(guid);
        if (!found) throw this.missing(guid);
        return structuredClone(found);
      }),
    list: ({ archived = false, pageSize = 50 } = {}) => {
      const page = (after) =>
        this.#call(`list${archived ? " archived" : ""}`, () => {
          const date = ({ lastMessage }) => Date.parse(lastMessage?.dateCreated ?? at(0));
          const order = (one, other) => date(other) - date(one) || (one.guid === other.guid ? 0 : one.guid < other.guid ? 1 : -1);
          const all = [...this.held.values()].filter(({ isArchived }) => isArchived === archived).sort(order);
          const rest = after ? all.filter((chat) => order(after, chat) < 0) : all;
          return structuredClone(rest.slice(0, pageSize));
        });
      return (async function* () {
        for (let last; ; ) {
          const chats = await page(last);
          yield* chats;
          if (chats.length < pageSize) return;
          last = chats.at(-1);
        }
      })();
    },
  };

  events = {
    subscribe: (options = {}) => {
      const queue = [];
      let wake = gate();
      const ready = gate();
      let ended;
      const stream = new this.TypedEventStream(
        (async function* () {
          await ready.promise;
          for (;;) {
            while (queue.length > 0) yield queue.shift();
            if (ended) throw ended;
            await wake.promise;
            wake = gate();
          }
        })(),
        () => void (handle.isClosed = true),
      );
      let cursor = options.after;
      Object.defineProperty(stream, "ready", { value: ready.promise });
      Object.defineProperty(stream, "cursor", { get: () => cursor });
      const handle = {
        options,
        isClosed: false,
        ready: () => ready.open(),
        push: (event) => {
          queue.push(event);
          cursor = `cursor ${event.sequence}`;
          wake.open();
        },
        fail: (error) => {
          ended = error;
          ready.fail(error);
          wake.open();
        },
      };
      this.streams.push(handle);
      if (this.isReady) ready.open();
      return stream;
    },
  };

  connection = { state: "live", lag: 0, lastError: undefined, failedAttempt: undefined, listeners: new Set(), on: (callback) => {
    this.connection.listeners.add(callback);
    return () => this.connection.listeners.delete(callback);
  } };

  /** The connection is another one. */
  connect(state, more = {}) {
    Object.assign(this.connection, { state, ...more });
    for (const listener of this.connection.listeners) listener({ state, lag: this.connection.lag, ...more });
  }

  /** The stream that is open. */
  get stream() {
    return this.streams.at(-1);
  }

  /** An event of a chat, which the stream brings. */
  emit(type, chatGuid, fields = {}, seconds = ++this.sequence + 1000) {
    const event = { type, chatGuid, sequence: ++this.sequence, isFromMe: false, occurredAt: at(seconds), ...fields };
    this.stream.push(event);
    return event;
  }

  /** A message lands: at the server, and in the stream. */
  receive(chatGuid, landed) {
    const found = this.held.get(chatGuid);
    this.held.set(chatGuid, { ...found, unreadCount: found.unreadCount + (landed.isFromMe ? 0 : 1), lastMessage: summary(landed) });
    this.kept.set(chatGuid, [...(this.kept.get(chatGuid) ?? []), landed]);
    const event = { type: "message.received", chatGuid, sequence: ++this.sequence, isFromMe: landed.isFromMe, occurredAt: landed.dateCreated, message: landed };
    this.stream.push(event);
    return event;
  }

  async #call(what, answer) {
    this.calls.push(what);
    await this.onCall(what);
    return answer();
  }

  #messages(guid, { pageSize = 25, pageToken }) {
    const all = this.kept.get(guid) ?? [];
    const end = pageToken === undefined ? all.length : Number(pageToken);
    const start = Math.max(0, end - pageSize);
    return { messages: structuredClone(all.slice(start, end).reverse()), ...(start > 0 && { nextPageToken: String(start) }) };
  }
}
