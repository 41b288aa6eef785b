import { asError, isRetryable, type Requests, type Source } from "./inbox-source.js";
import type { HeldChats } from "./inbox-chats.js";
import type { Live } from "./inbox-live.js";
import { time, type HeldChat } from "./inbox-reduce.js";
import type { ChatsState } from "./inbox-types.js";
import type { Chat, LiveEvent } from "./wasm/im_chats.js";

/** A place in the order of the server: newest activity first; of two with the same one, the greater GUID. */
interface Place {
  readonly activity: number;
  readonly guid: string;
}

function place({ activity, chat }: HeldChat): Place {
  return { activity, guid: chat.guid };
}

function compare(one: Place, other: Place): number {
  if (one.activity !== other.activity) return other.activity - one.activity;
  return one.guid === other.guid ? 0 : one.guid < other.guid ? 1 : -1;
}

interface Row extends Place {
  readonly held: HeldChat;
}

/** A smaller number than the resolution of a time, which orders chats whose activity is not known. */
const STEP = 1 / 1024;

/** The visible chats, or the archived ones, as far as they were listed. @internal */
export class ChatList {
  readonly archived: boolean;
  readonly #source: Source;
  readonly #live: Live;
  readonly #requests: Requests;
  readonly #chats: HeldChats;
  readonly #pageSize: number;
  /** Told when the state may be another one. */
  readonly #onChange: () => void;
  #pages: AsyncIterator<Chat> | undefined;
  /** The first chat after those that are shown, which tells that there are more. */
  #ahead: Chat | undefined;
  /** The last place that is shown while there are more. */
  #end: Place | undefined;
  #rows: Row[] = [];
  /** The chats whose row may be another one; all when nothing is known of any. */
  #moved: Set<HeldChat> | "all" = new Set();
  #isLoaded = false;
  #error: Error | undefined;
  #pulling: Promise<void> | undefined;
  /** How many more than there are somebody asked for, and waits for: also when everything is read again meanwhile. */
  #more = 0;
  /** How often everything was lost: what was begun before is worth nothing. */
  #epoch = 0;

  constructor(archived: boolean, pageSize: number, parts: { source: Source; live: Live; requests: Requests; chats: HeldChats; onChange: () => void }) {
    this.archived = archived;
    this.#pageSize = pageSize;
    this.#source = parts.source;
    this.#live = parts.live;
    this.#requests = parts.requests;
    this.#chats = parts.chats;
    this.#onChange = parts.onChange;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Whether every chat of the list is in it. */
  get isWhole(): boolean {
    return this.#isLoaded && this.#end === undefined;
  }

  get canRetry(): boolean {
    return isRetryable(this.#error);
  }

  /** Whether an event can bring a chat into it that is not held: nobody but the server knows what else is true of that. */
  canBring({ type }: LiveEvent): boolean {
    if (!this.#isLoaded || this.isWhole) return this.#isLoaded;
    if (type === "chat.archived" || type === "chat.unarchived") return this.archived === (type === "chat.archived");
    return type === "message.received" || type === "group.changed";
  }

  /** The chats that it shows. */
  shown(): HeldChat[] {
    return this.#rows.map(({ held }) => held);
  }

  #belongs(held: HeldChat): boolean {
    return held.chat.isArchived === this.archived && (this.#end === undefined || compare(place(held), this.#end) <= 0);
  }

  /** A chat changed, or came to be known. */
  changed(held: HeldChat): void {
    if (this.#moved !== "all") this.#moved.add(held);
    this.#onChange();
  }

  /** A chat is gone. */
  removed(): void {
    this.#moved = "all";
    this.#onChange();
  }

  /** What it shows is not kept up to date. */
  fail(error: Error | undefined): void {
    this.#error = error;
    this.#onChange();
  }

  /** Reads the first page, unless that was done. */
  load(): Promise<void> {
    return this.#isLoaded && !this.#error ? Promise.resolve() : this.reload();
  }

  /** What was read is not to be relied on. */
  lose(): void {
    this.#epoch += 1;
    this.#pages = undefined;
    this.#ahead = undefined;
    this.#pulling = undefined;
    this.#isLoaded = false;
  }

  /** Reads as many chats as there are now, from the first one on. */
  reload(): Promise<void> {
    if (this.#pulling && !this.#isLoaded && !this.#pages) return this.#pulling;
    const count = Math.max(this.#pageSize, this.#rows.length + this.#more);
    this.lose();
    return this.#pull(count);
  }

  loadMore(): Promise<void> {
    if (this.#pulling) {
      // What is read once more is no more than there was; these come next.
      if (this.#rows.length > 0) this.#more = this.#pageSize;
      return this.#pulling;
    }
    if (!this.#isLoaded) return this.load();
    if (this.isWhole) return Promise.resolve();
    this.#more = this.#pageSize;
    return this.#pull(this.#pageSize);
  }

  #pull(count: number): Promise<void> {
    const epoch = this.#epoch;
    const more = this.#more;
    this.#error = undefined;
    this.#onChange();
    const pulling = this.#requests
      .run(() => this.#read(count, epoch))
      .catch((error: unknown) => {
        if (epoch !== this.#epoch) return;
        // An iterator that threw gives nothing more.
        this.#pages = undefined;
        this.#error = asError(error);
      })
      .then(() => {
        // What was begun in its place.
        if (epoch !== this.#epoch) return this.#pulling;
        this.#pulling = undefined;
        this.#onChange();
        const isAsked = this.#more > more && !this.#error;
        this.#more = 0;
        return isAsked ? this.loadMore() : undefined;
      });
    this.#pulling = pulling;
    return pulling;
  }

  async #read(count: number, epoch: number): Promise<void> {
    if (!(await this.#live.ready()) || epoch !== this.#epoch) return;
    const record = this.#live.record();
    const listed: Chat[] = [];
    const isFirst = !this.#isLoaded;
    try {
      // After an error in the middle, what is known is skipped.
      const last = this.#pages || isFirst ? undefined : this.#end;
      this.#pages ??= this.#list();
      const pages = this.#pages;
      if (this.#ahead) listed.push(this.#ahead);
      this.#ahead = undefined;
      let isOver = false;
      while (listed.length <= count && !isOver) {
        const step = await pages.next();
        if (epoch !== this.#epoch) return;
        if (step.done) isOver = true;
        else if (!last || !this.#rows.some(({ guid }) => guid === step.value.guid)) listed.push(step.value);
      }
      const more = listed.length > count ? listed.pop() : undefined;
      this.#take(listed, record(), isFirst, more);
    } finally {
      record();
    }
  }

  #list(): AsyncIterator<Chat> {
    // One more than is shown, so that one request also tells whether there are more.
    return this.#source.chats.list({ archived: this.archived, pageSize: this.#pageSize + 1 })[Symbol.asyncIterator]();
  }

  #take(listed: readonly Chat[], events: readonly LiveEvent[], isFirst: boolean, more: Chat | undefined): void {
    const before = isFirst ? new Set(this.#rows.map(({ held }) => held)) : undefined;
    const activities = estimate(listed, isFirst ? undefined : this.#end?.activity);
    let end = isFirst ? undefined : this.#end;
    for (const [index, chat] of listed.entries()) {
      const activity = activities[index] as number;
      // Not as it is by now: it may have moved to the top meanwhile.
      end = { activity, guid: chat.guid };
      if (isFirst || !this.#chats.get(chat.guid)) this.#chats.put(chat, events, activity);
      else this.#chats.place(chat.guid, activity);
      const held = this.#chats.get(chat.guid);
      if (held) before?.delete(held);
    }
    this.#ahead = more;
    this.#end = more && end;
    this.#isLoaded = true;
    this.#moved = "all";
    // What was shown and is not listed any more may be gone.
    for (const held of before ?? []) if (this.#belongs(held)) void this.#chats.read(held.chat.guid);
    if (!isFirst) return;
    // And what came, or came up, after its page was read is on none.
    for (const event of events) {
      const { chatGuid } = event;
      if (!chatGuid || this.#chats.get(chatGuid) || !this.canBring(event)) continue;
      void this.#chats.read(chatGuid, this.isWhole ? time(event.occurredAt) : -Infinity);
    }
  }

  /** The state that the list has now, which is the last one when nothing changed. */
  state(last: ChatsState): ChatsState {
    this.#arrange();
    const error = this.#error ?? this.#live.error;
    const status = error ? "error" : this.#isLoaded || last.chats.length > 0 || last.status === "ready" ? "ready" : "loading";
    const hasMore = this.#isLoaded ? this.#end !== undefined : last.hasMore;
    const isSame = this.#rows.length === last.chats.length && this.#rows.every(({ held }, index) => held.chat === last.chats[index]);
    if (isSame && status === last.status && error === last.error && hasMore === last.hasMore) return last;
    const chats = isSame ? last.chats : this.#rows.map(({ held }) => held.chat);
    const { loadMore, reload } = last;
    return { status, ...(error && { error }), chats, hasMore, loadMore, reload };
  }

  /** Puts the rows that moved where they belong. */
  #arrange(): void {
    const moved = this.#moved;
    this.#moved = new Set();
    // While it is read once more, what is shown stays; a chat that is read meanwhile is held anyway.
    if (!this.#isLoaded) return;
    if (moved === "all") {
      this.#rows = this.#sorted(this.#chats.values());
    } else if (moved.size > 0) {
      const others = this.#rows.filter(({ held }) => !moved.has(held));
      this.#rows = merge(others, this.#sorted(moved));
    }
  }

  #sorted(all: Iterable<HeldChat>): Row[] {
    const rows: Row[] = [];
    for (const held of all) if (this.#belongs(held)) rows.push({ held, ...place(held) });
    return rows.sort(compare);
  }
}

function merge(one: readonly Row[], other: readonly Row[]): Row[] {
  const merged: Row[] = [];
  let index = 0;
  for (const row of one) {
    for (let next = other[index]; next && compare(next, row) < 0; next = other[++index]) merged.push(next);
    merged.push(row);
  }
  return merged.concat(other.slice(index));
}

/**
 * When something last happened in each chat of a page. A chat without a message does not say when it came to be; it is between its
 * neighbours.
 */
function estimate(listed: readonly Chat[], before: number | undefined): number[] {
  const known = listed.map(({ lastMessage }) => (lastMessage ? time(lastMessage.dateCreated) : undefined));
  const first = known.findIndex((activity) => activity !== undefined);
  let last = before ?? (first < 0 ? listed.length * STEP : (known[first] as number) + (first + 1) * STEP);
  return known.map((activity) => (last = activity ?? last - STEP));
}
