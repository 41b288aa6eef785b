import { invalid } from "./errors.js";
import { HeldChats } from "./inbox-chats.js";
import { ChatList } from "./inbox-list.js";
import { Live } from "./inbox-live.js";
import { HeldMessages } from "./inbox-messages.js";
import { time, type HeldChat } from "./inbox-reduce.js";
import { isRetryable, Requests, type Source } from "./inbox-source.js";
import type { ChatsOptions, ChatsState, ChatState, ConnectionSnapshot, Inbox, MessagesState, View } from "./inbox-types.js";
import { Frames, StoreView, type Watched } from "./inbox-view.js";
import { checkKeys } from "./options.js";
import type { LiveEvent } from "./wasm/im_chats.js";

/** How many chats keep their messages after nobody looks at them. */
const MAX_UNWATCHED = 20;

interface Listed {
  readonly list: ChatList;
  readonly view: StoreView<ChatsState>;
}

interface Single {
  readonly view: StoreView<ChatState>;
  error: Error | undefined;
}

interface Conversation {
  readonly view: StoreView<MessagesState>;
  held: HeldMessages | undefined;
}

/** The one implementation of {@link Inbox}. @internal */
export class InboxStore implements Inbox {
  readonly connection: View<ConnectionSnapshot>;
  readonly live: Live;
  readonly #source: Source;
  readonly #sizes: { readonly chats: number; readonly messages: number };
  readonly #requests = new Requests();
  readonly #frames = new Frames();
  readonly #held: HeldChats;
  readonly #visible: Listed;
  readonly #archived: Listed;
  readonly #singles = new Map<string, Single>();
  readonly #conversations = new Map<string, Conversation>();
  #stopConnection: () => void = () => {};
  #wasLive = true;
  isClosed = false;

  constructor(source: Source, sizes: { readonly chats: number; readonly messages: number }) {
    this.#source = source;
    this.#sizes = sizes;
    this.live = new Live(source, {
      take: (event) => this.#take(event),
      lost: () => this.#lose(),
      failed: () => this.#refreshAll(),
      idle: () => this.#rest(),
    });
    this.#held = new HeldChats(source, this.live, this.#requests, {
      changed: (held) => this.#changed(held),
      removed: (guid, error) => this.#removed(guid, error),
      unreadable: (guid, error) => this.#failed(guid, error),
    });
    this.#visible = this.#listed(false);
    this.#archived = this.#listed(true);
    this.connection = this.#connectionView();
  }

  // Properties, so that they work without the object.
  readonly chats = (options: ChatsOptions = {}): View<ChatsState> => {
    checkKeys(options, "options", ["archived"]);
    const { archived = false } = options;
    if (typeof archived !== "boolean") throw invalid("archived", `expected true or false, got ${typeof archived}`);
    return (archived ? this.#archived : this.#visible).view;
  };

  readonly chat = (guid: string): View<ChatState> => {
    const known = this.#singles.get(checkGuid(guid));
    if (known) return known.view;
    const reload = () =>
      this.#during(single.view, async () => {
        single.error = undefined;
        this.#frames.add(single.view);
        await this.#held.read(guid);
      });
    const state = (last: ChatState): ChatState => {
      const chat = this.#held.get(guid)?.chat ?? last.chat;
      const error = single.error ?? this.live.error;
      const status = error ? "error" : chat ? "ready" : "loading";
      if (chat === last.chat && error === last.error && status === last.status) return last;
      return { status, ...(error && { error }), ...(chat && { chat }), reload };
    };
    const watch = () => {
      const release = this.#acquire();
      single.error = undefined;
      if (!this.#held.get(guid)) void this.#held.read(guid);
      return () => {
        single.error = undefined;
        this.#leave(single.view, release);
      };
    };
    const single: Single = { view: new StoreView<ChatState>({ status: "loading", reload }, state, watch), error: undefined };
    this.#singles.set(guid, single);
    return single.view;
  };

  readonly messages = (guid: string): View<MessagesState> => {
    const known = this.#conversations.get(checkGuid(guid));
    if (known) return known.view;
    const list = this.#source.messages?.list;
    const without = list ? undefined : invalid("client", "has no messages; make it with createClient of im-chats/messages");
    const nothing = { messages: [], hasMore: false };
    const held = () => (list ? (conversation.held ??= make(list)) : undefined);
    const reload = () => this.#during(view, async () => held()?.reload());
    const loadMore = () => this.#during(view, async () => held()?.loadMore());
    const first: MessagesState = without
      ? { status: "error", error: without, ...nothing, loadMore, reload }
      : { status: "loading", ...nothing, loadMore, reload };
    const make = (list: NonNullable<Source["messages"]>["list"]) => {
      const onChange = () => this.#frames.add(view);
      return new HeldMessages(guid, this.#sizes.messages, { list, live: this.live, requests: this.#requests, onChange });
    };
    const watch = () => {
      if (!list) return () => {};
      const release = this.#acquire();
      void held()?.load();
      // The last one that was watched is the last one.
      this.#conversations.delete(guid);
      this.#conversations.set(guid, conversation);
      return () => {
        conversation.held?.fail(undefined);
        this.#leave(view, release);
        this.#forgetOldest();
      };
    };
    const view = new StoreView<MessagesState>(first, (last) => conversation.held?.state(last) ?? first, watch);
    const conversation: Conversation = { view, held: undefined };
    this.#conversations.set(guid, conversation);
    return view;
  };

  readonly onEvent = (guid: string | undefined, handler: (event: LiveEvent) => void): (() => void) => {
    if (guid !== undefined) checkGuid(guid);
    if (typeof handler !== "function") throw invalid("handler", `expected a function, got ${typeof handler}`);
    return this.live.listen(guid, (event) => handler(event));
  };

  readonly close = (): void => {
    this.isClosed = true;
    this.#stopConnection();
    this.live.close();
    this.#held.close();
    this.#frames.close();
  };

  #listed(archived: boolean): Listed {
    const onChange = () => this.#frames.add(view);
    const list = new ChatList(archived, this.#sizes.chats, { source: this.#source, live: this.live, requests: this.#requests, chats: this.#held, onChange });
    const reload = () => this.#during(view, () => list.reload());
    const loadMore = () => this.#during(view, () => list.loadMore());
    const first: ChatsState = { status: "loading", chats: [], hasMore: false, loadMore, reload };
    const watch = () => {
      const release = this.#acquire();
      void list.load();
      return () => {
        list.fail(undefined);
        this.#leave(view, release);
      };
    };
    const view = new StoreView<ChatsState>(first, (last) => list.state(last), watch);
    return { list, view };
  }

  #connectionView(): View<ConnectionSnapshot> {
    const { connection } = this.#source;
    const now = (last?: ConnectionSnapshot): ConnectionSnapshot => {
      const { state, lag, lastError, failedAttempt } = connection;
      const isSame = last?.state === state && last.lag === lag && last.lastError === lastError && last.failedAttempt === failedAttempt;
      return isSame ? last : { state, lag, ...(lastError && { lastError }), ...(failedAttempt && { failedAttempt }) };
    };
    const view = new StoreView<ConnectionSnapshot>(now(), now, () => {
      // It may have changed since nobody looked.
      this.#frames.add(view);
      return connection.on(() => this.#frames.add(view));
    });
    const get = () => {
      if (!view.isWatched) view.update();
      return view.get();
    };
    return { get, subscribe: view.subscribe };
  }

  /** A view is watched. */
  #acquire(): () => void {
    if (this.isClosed) return () => {};
    return this.live.acquire();
  }

  /** Does something with the stream open, also while nobody watches, and opens it again when it failed. */
  async #during(view: Watched, act: () => Promise<void>): Promise<void> {
    if (this.isClosed) return;
    const release = this.#acquire();
    try {
      this.#restart();
      await act();
      // Whoever waits for this asks `get` next; listeners hear of it with the next frame.
      if (!this.isClosed) view.update();
    } finally {
      release();
    }
  }

  /** A view is not watched any more: an error is not kept for the next who looks at it, who tries again. */
  #leave(view: Watched, release: () => void): void {
    release();
    view.update();
  }

  /** Nobody needs the stream any more. */
  #rest(): void {
    this.#stopConnection();
    for (const view of this.#views()) view.update();
  }

  #views(): Watched[] {
    const all = [this.#visible, this.#archived, ...this.#conversations.values(), ...this.#singles.values()];
    return all.map(({ view }) => view);
  }

  #restart(): void {
    if (!this.live.error) return;
    this.live.restart();
    for (const { list, view } of [this.#visible, this.#archived]) if (view.isWatched) void list.reload();
    for (const { held, view } of this.#conversations.values()) if (view.isWatched) void held?.reload();
    for (const [guid, { view }] of this.#singles) if (view.isWatched) void this.#held.read(guid);
    this.#refreshAll();
  }

  #refreshAll(): void {
    for (const view of this.#views()) if (view.isWatched) this.#frames.add(view);
  }

  /** Events are missing. What is watched is read again, and the rest forgotten. */
  #lose(): void {
    this.#watchConnection();
    const lists = [this.#visible, this.#archived];
    const listed = new Set(lists.flatMap(({ list, view }) => (view.isWatched ? list.shown() : [])));
    this.#held.forget((held) => listed.has(held) || this.#singles.get(held.chat.guid)?.view.isWatched === true);
    for (const { list, view } of lists) {
      if (view.isWatched) void list.reload();
      else list.lose();
    }
    for (const { held, view } of this.#conversations.values()) {
      if (view.isWatched) void held?.reload();
      else held?.lose();
    }
    for (const [guid, { view }] of this.#singles) if (view.isWatched) void this.#held.read(guid);
  }

  /** What could not be read while there was no connection is read when there is one again. */
  #watchConnection(): void {
    this.#stopConnection();
    this.#stopConnection = this.#source.connection.on(({ state }) => {
      const isBack = state === "live" && !this.#wasLive;
      this.#wasLive = state === "live";
      if (!isBack) return;
      for (const { list, view } of [this.#visible, this.#archived]) if (view.isWatched && list.canRetry) void list.reload();
      for (const { held, view } of this.#conversations.values()) if (view.isWatched && held?.canRetry) void held.reload();
      for (const [guid, single] of this.#singles) {
        if (!single.view.isWatched || !isRetryable(single.error)) continue;
        single.error = undefined;
        void this.#held.read(guid);
      }
    });
  }

  #take(event: LiveEvent): void {
    this.#conversations.get(event.chatGuid)?.held?.take(event);
    if (this.#held.take(event) || !event.chatGuid) return;
    // Where it would be shown.
    const lists = [this.#visible, this.#archived].filter(({ list }) => list.canBring(event));
    for (const { list, view } of lists) if (!view.isWatched) list.lose();
    const isNew = lists.some(({ list, view }) => view.isWatched && list.isWhole);
    const isWanted = lists.some(({ view }) => view.isWatched) || this.#singles.get(event.chatGuid)?.view.isWatched;
    if (isWanted) void this.#held.read(event.chatGuid, isNew ? time(event.occurredAt) : -Infinity);
  }

  #changed(held: HeldChat): void {
    for (const { list } of [this.#visible, this.#archived]) list.changed(held);
    const single = this.#singles.get(held.chat.guid);
    if (!single) return;
    single.error = undefined;
    this.#frames.add(single.view);
  }

  #removed(guid: string, error: Error): void {
    for (const { list } of [this.#visible, this.#archived]) list.removed();
    this.#failed(guid, error);
  }

  #failed(guid: string, error: Error): void {
    const single = this.#singles.get(guid);
    if (!single) return;
    single.error = error;
    this.#frames.add(single.view);
  }

  #forgetOldest(): void {
    const unwatched = [...this.#conversations.values()].filter(({ held, view }) => held && !view.isWatched);
    for (const conversation of unwatched.slice(0, -MAX_UNWATCHED)) {
      // Not the view: somebody may have it, and there is one of each chat.
      conversation.held = undefined;
      conversation.view.update();
    }
  }
}

function checkGuid(guid: string): string {
  if (typeof guid !== "string" || guid === "") throw invalid("guid", "expected the guid of a chat");
  return guid;
}
