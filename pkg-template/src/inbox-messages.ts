import { asError, isRetryable, type Requests, type Source } from "./inbox-source.js";
import type { Live } from "./inbox-live.js";
import { complete, reduceMessage, time } from "./inbox-reduce.js";
import { same } from "./inbox-same.js";
import type { MessagesState } from "./inbox-types.js";
import type { LiveEvent, Message } from "./wasm/im_chats.js";

interface Row {
  message: Message;
  /** The sequence of the event that told of it; absent while none did. */
  sequence?: number;
}

/** How many messages are read once more when events are missing, at most; older ones are read when they are asked for. */
const MAX_REREAD = 1_000;

/** The most messages of one page. */
const MAX_PAGE = 100;

/** The newest messages of one chat, as far as they were read. @internal */
export class HeldMessages {
  readonly #guid: string;
  readonly #list: NonNullable<Source["messages"]>["list"];
  readonly #live: Live;
  readonly #requests: Requests;
  readonly #pageSize: number;
  readonly #onChange: () => void;
  /** The oldest first. */
  #rows: Row[] = [];
  #known = new Map<string, Row>();
  /** What gives older ones. */
  #older: string | undefined;
  #isLoaded = false;
  #error: Error | undefined;
  #pulling: Promise<void> | undefined;
  /** How many more than there are somebody asked for, and waits for: also when everything is read again meanwhile. */
  #more = 0;
  /** Whether the read that is under way asked the server already. */
  #hasBegun = false;
  /** One more read of the newest messages is needed after the one that is under way. */
  #isStale = false;
  #epoch = 0;

  constructor(
    guid: string,
    pageSize: number,
    parts: { list: NonNullable<Source["messages"]>["list"]; live: Live; requests: Requests; onChange: () => void },
  ) {
    this.#guid = guid;
    this.#pageSize = pageSize;
    this.#list = parts.list;
    this.#live = parts.live;
    this.#requests = parts.requests;
    this.#onChange = parts.onChange;
  }

  get canRetry(): boolean {
    return isRetryable(this.#error);
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  fail(error: Error | undefined): void {
    this.#error = error;
    this.#onChange();
  }

  /** What was read is not to be relied on. */
  lose(): void {
    this.#epoch += 1;
    this.#isLoaded = false;
    this.#pulling = undefined;
    this.#isStale = false;
  }

  load(): Promise<void> {
    return this.#isLoaded && !this.#error ? Promise.resolve() : this.reload();
  }

  /** Reads as many messages as there are now, from the newest one on. */
  reload(): Promise<void> {
    if (this.#pulling && !this.#isLoaded && !this.#hasBegun) return this.#pulling;
    this.lose();
    return this.#pull((epoch) => this.#readNewest(epoch));
  }

  loadMore(): Promise<void> {
    if (this.#pulling) {
      // What is read once more is no more than there was; these come next.
      if (this.#rows.length > 0) this.#more = this.#pageSize;
      return this.#pulling;
    }
    if (!this.#isLoaded) return this.load();
    if (this.#older === undefined) return Promise.resolve();
    this.#more = this.#pageSize;
    return this.#pull((epoch) => this.#readOlder(epoch));
  }

  #pull(read: (epoch: number) => Promise<void>): Promise<void> {
    const epoch = this.#epoch;
    const more = this.#more;
    this.#error = undefined;
    this.#hasBegun = false;
    this.#onChange();
    const pulling = this.#requests
      .run(async () => {
        if (!(await this.#live.ready()) || epoch !== this.#epoch) return;
        this.#hasBegun = true;
        await read(epoch);
      })
      .catch((error: unknown) => {
        if (epoch === this.#epoch) this.#error = asError(error);
      })
      .then(() => {
        // What was begun in its place.
        if (epoch !== this.#epoch) return this.#pulling;
        this.#pulling = undefined;
        this.#onChange();
        const isAsked = this.#more > more && !this.#error;
        this.#more = 0;
        const asked = isAsked ? this.loadMore() : undefined;
        if (this.#isStale) this.#rereadSoon();
        return asked;
      });
    this.#pulling = pulling;
    return pulling;
  }

  /** What an event did is not certain. */
  #rereadSoon(): void {
    this.#isStale = true;
    if (this.#pulling) return;
    this.#isStale = false;
    void this.#pull((epoch) => this.#readNewest(epoch));
  }

  async #readNewest(epoch: number): Promise<void> {
    const count = Math.min(this.#rows.length + this.#more, MAX_REREAD);
    const read: Message[] = [];
    const record = this.#live.record();
    try {
      let token: string | undefined;
      do {
        const pageSize = count > this.#pageSize ? MAX_PAGE : this.#pageSize;
        const page = await this.#list(this.#guid, { pageSize, ...(token !== undefined && { pageToken: token }) });
        if (epoch !== this.#epoch) return;
        read.push(...page.messages);
        token = page.nextPageToken;
      } while (token !== undefined && read.length < count);
      this.#older = token;
      this.#put(read.reverse());
      this.#isLoaded = true;
      for (const event of record()) if (event.chatGuid === this.#guid) this.take(event);
    } finally {
      record();
    }
  }

  async #readOlder(epoch: number): Promise<void> {
    const record = this.#live.record();
    try {
      const page = await this.#list(this.#guid, { pageSize: this.#pageSize, ...(this.#older !== undefined && { pageToken: this.#older }) });
      if (epoch !== this.#epoch) return;
      this.#older = page.nextPageToken;
      const older = page.messages.filter(({ guid }) => !this.#known.has(guid)).reverse();
      const rows = older.map((message): Row => ({ message }));
      for (const row of rows) this.#known.set(row.message.guid, row);
      this.#rows = [...rows, ...this.#rows];
      for (const event of record()) if (event.chatGuid === this.#guid) this.take(event);
    } finally {
      record();
    }
  }

  /** Takes these in place of those that there are. */
  #put(messages: readonly Message[]): void {
    const known = this.#known;
    this.#known = new Map();
    this.#rows = messages.map((message) => {
      const before = known.get(message.guid);
      const row: Row = { ...before, message: before && same(before.message, message) ? before.message : message };
      this.#known.set(message.guid, row);
      return row;
    });
  }

  /** Changes the messages by an event of their chat. */
  take(event: LiveEvent): void {
    if (!this.#isLoaded) return;
    switch (event.type) {
      case "message.received":
        this.#land(event.message, event.sequence);
        break;
      case "message.read":
        this.#readByOthers(event.messageGuid, event.readAt);
        break;
      case "chat.markedRead":
        this.#markRead(event.occurredAt);
        break;
      default:
        if ("messageGuid" in event) this.#change(this.#known.get(event.messageGuid), (message) => reduceMessage(message, event));
    }
    this.#onChange();
  }

  #change(row: Row | undefined, act: (message: Message) => Message): void {
    if (row) row.message = act(row.message);
  }

  #land(message: Message, sequence: number): void {
    const known = this.#known.get(message.guid);
    if (known) {
      known.sequence = sequence;
      return;
    }
    const at = time(message.dateCreated);
    const first = this.#rows[0];
    if (first && this.#older !== undefined && at <= time(first.message.dateCreated)) {
      // One of those that were not read. In the same millisecond it may also be the newest one.
      if (at === time(first.message.dateCreated)) this.#rereadSoon();
      return;
    }
    const last = this.#rows.at(-1);
    // It arrived later than it was written: the server knows where it stands.
    if (last && last.sequence === undefined && at < time(last.message.dateCreated)) this.#rereadSoon();
    const row = { message: complete(message), sequence };
    this.#known.set(message.guid, row);
    this.#rows.push(row);
  }

  /** A message of this account was read, and so were those before it, back to the last one that was. */
  #readByOthers(guid: string, at: string): void {
    const row = this.#known.get(guid);
    if (!row) return;
    for (let index = this.#rows.lastIndexOf(row); index >= 0; index--) {
      const { message } = this.#rows[index] as Row;
      if (!message.isFromMe) continue;
      if (message.dateRead !== undefined) return;
      this.#change(this.#rows[index], (message) => ({ ...message, dateRead: at }));
    }
  }

  /** This account read what it received until then, back to the last one that it had read. */
  #markRead(occurredAt: string): void {
    const until = time(occurredAt);
    for (let index = this.#rows.length - 1; index >= 0; index--) {
      const row = this.#rows[index] as Row;
      const at = time(row.message.dateCreated);
      if (row.message.isFromMe || (row.sequence === undefined && at > until)) continue;
      if (row.message.dateRead !== undefined) return;
      if (row.sequence === undefined && at === until) this.#rereadSoon();
      this.#change(row, (message) => ({ ...message, dateRead: occurredAt }));
    }
  }

  /** The state that the messages have now, which is the last one when nothing changed. */
  state(last: MessagesState): MessagesState {
    const error = this.#error ?? this.#live.error;
    const isReady = this.#isLoaded || this.#rows.length > 0 || last.status === "ready";
    const status = error ? "error" : isReady ? "ready" : "loading";
    const hasMore = this.#older !== undefined;
    const isSame = this.#rows.length === last.messages.length && this.#rows.every(({ message }, index) => message === last.messages[index]);
    if (isSame && status === last.status && error === last.error && hasMore === last.hasMore) return last;
    const messages = isSame ? last.messages : this.#rows.map(({ message }) => message);
    const { loadMore, reload } = last;
    return { status, ...(error && { error }), messages, hasMore, loadMore, reload };
  }
}
