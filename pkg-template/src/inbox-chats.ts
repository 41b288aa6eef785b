import { asError, isRetryable, type Requests, type Source } from "./inbox-source.js";
import type { Live } from "./inbox-live.js";
import { reduceChat, time, type HeldChat } from "./inbox-reduce.js";
import { same } from "./inbox-same.js";
import { NotFoundError } from "./errors.js";
import type { Chat, LiveEvent } from "./wasm/im_chats.js";

/** Who hears of chats that changed. @internal */
export interface ChatsOwner {
  changed(held: HeldChat): void;
  removed(guid: string, error: Error): void;
  /** A chat could not be read, and is not held. */
  unreadable(guid: string, error: Error): void;
}

/** How long after a chat could not be read it is tried again, in milliseconds. */
const RETRY_MS = 2_000;

/** How long after a chat was read it is read once more, when an event came meanwhile, in milliseconds: perhaps more events come. */
const AGAIN_MS = 250;

/** Every chat that was read, kept up to date by events. @internal */
export class HeldChats {
  readonly #source: Source;
  readonly #live: Live;
  readonly #requests: Requests;
  readonly #owner: ChatsOwner;
  readonly #held = new Map<string, HeldChat>();
  /** The chats that are being read, or wait for it; true when it has to be done once more. */
  readonly #reading = new Map<string, boolean>();
  /** When each of them is done, for the first time. */
  readonly #done = new Map<string, Promise<void>>();
  /** The chats that had events while they were not held: what a page says of them may be older. */
  readonly #touched = new Set<string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(source: Source, live: Live, requests: Requests, owner: ChatsOwner) {
    this.#source = source;
    this.#live = live;
    this.#requests = requests;
    this.#owner = owner;
  }

  get(guid: string): HeldChat | undefined {
    return this.#held.get(guid);
  }

  values(): Iterable<HeldChat> {
    return this.#held.values();
  }

  /** Changes the chat of an event; false when that is not held. */
  take(event: LiveEvent): boolean {
    const held = this.#held.get(event.chatGuid);
    if (!held) {
      this.#touched.add(event.chatGuid);
      return false;
    }
    const { chat } = held;
    if (reduceChat(held, event)) void this.read(event.chatGuid);
    if (held.chat !== chat) this.#owner.changed(held);
    return true;
  }

  /** Takes a chat as it was read, and the events that came meanwhile; `activity` is its own when it has no message. */
  put(chat: Chat, events: readonly LiveEvent[], activity: number): void {
    const { guid } = chat;
    const known = this.#held.get(guid);
    const horizon = time(chat.lastMessage?.dateCreated);
    const held: HeldChat = known ?? { chat, horizon, activity };
    const before = held.chat;
    held.chat = chat;
    held.horizon = horizon;
    if (chat.lastMessage) held.activity = horizon;
    else if (!known || activity > held.activity) held.activity = activity;
    const missed = events.filter((event) => event.chatGuid === guid);
    for (const event of missed) reduceChat(held, event);
    // What a page says may have been read before the event came, and what the server said while it came, before or after it.
    if (missed.length > 0 || (!known && this.#touched.delete(guid))) void this.read(guid);
    if (known && same(before, held.chat)) held.chat = before;
    this.#held.set(guid, held);
    if (!known || held.chat !== before) this.#owner.changed(held);
  }

  /** A page says so of a chat that is held: it may be older than what is held, but says when a chat without messages came to be. */
  place(guid: string, activity: number): void {
    const held = this.#held.get(guid);
    if (!held || held.chat.lastMessage || activity <= held.activity) return;
    held.activity = activity;
    this.#owner.changed(held);
  }

  /** Reads a chat, once however often it is asked for. Never rejects. */
  read(guid: string, activity: number = -Infinity): Promise<void> {
    const done = this.#done.get(guid);
    this.#reading.set(guid, done !== undefined);
    if (done) return done;
    const reading = this.#read(guid, activity);
    this.#done.set(guid, reading);
    return reading;
  }

  async #read(guid: string, activity: number): Promise<void> {
    try {
      await this.#requests.run(async () => {
        if (!(await this.#live.ready())) return;
        // From here on a call of `read` means once more.
        this.#reading.set(guid, false);
        this.#touched.delete(guid);
        const record = this.#live.record();
        try {
          const chat = await this.#source.chats.get(guid);
          this.put(chat, record(), activity);
        } finally {
          record();
        }
      });
    } catch (error) {
      this.#failed(guid, activity, asError(error));
    }
    const again = this.#reading.get(guid);
    this.#reading.delete(guid);
    this.#done.delete(guid);
    if (again) this.#later(guid, activity, AGAIN_MS);
  }

  #later(guid: string, activity: number, wait: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#live.isOpen) void this.read(guid, activity);
    }, wait);
    (timer as { unref?: () => void }).unref?.();
    this.#timers.add(timer);
  }

  #failed(guid: string, activity: number, error: Error): void {
    if (!this.#held.has(guid)) {
      this.#owner.unreadable(guid, error);
    } else if (error instanceof NotFoundError) {
      this.#held.delete(guid);
      this.#owner.removed(guid, error);
    }
    // Also one that is not held: a list that it belongs to has nobody who would ask for it.
    if (!isRetryable(error)) return;
    const { retryAfter } = error as { retryAfter?: number };
    this.#later(guid, activity, Math.max(retryAfter ?? 0, RETRY_MS));
  }

  /** Forgets the chats that nobody looks at: events of theirs are missing. */
  forget(isSeen: (held: HeldChat) => boolean): void {
    for (const [guid, held] of this.#held) if (!isSeen(held)) this.#held.delete(guid);
    for (const guid of this.#reading.keys()) this.#reading.set(guid, true);
    this.#touched.clear();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
