import type { ConnectionStatus } from "./connection.js";
import type { Chat, LiveEvent, Message } from "./wasm/im_chats.js";

/**
 * Something that is kept up to date, in the form that `useSyncExternalStore` of React takes, and every other library's own one is
 * made of.
 */
export interface View<T> {
  /**
   * What it is now. Never changed: another state is another object, and the same object means that nothing changed.
   *
   * @returns the state
   *
   * @example
   * const { status, chats } = inbox.chats().get();
   */
  readonly get: () => T;
  /**
   * Calls `listener` when there is another state, at most once a frame. While a view has a listener, it is watched: then the inbox
   * has its event stream open, and reads what the view shows.
   *
   * @param listener is given nothing; it asks {@link View.get}. What it throws is reported as the runtime reports any error
   * @returns a function that stops it; safe to repeat
   *
   * @example
   * const view = inbox.chats();
   * const stop = view.subscribe(() => console.log(view.get().chats.length));
   */
  readonly subscribe: (listener: () => void) => () => void;
}

/**
 * How far a view has come.
 *
 * - `loading`: nothing was read yet
 * - `ready`: it shows what there is
 * - `error`: what it shows is not kept up to date; `error` says why
 */
export type ViewStatus = "loading" | "ready" | "error";

/** What every state of the inbox has. */
export interface ViewState {
  /** How far it has come. */
  readonly status: ViewStatus;
  /** What failed; absent unless the status is `error`. */
  readonly error?: Error;
  /**
   * Reads everything once more, and opens the event stream again if that ended with an error.
   *
   * @throws nothing: the state says what came of it
   *
   * @example
   * retry.onclick = () => inbox.chats().get().reload();
   */
  readonly reload: () => Promise<void>;
}

/** A list of chats. */
export interface ChatsState extends ViewState {
  /** The chats, newest activity first. A chat that did not change is the same object. */
  readonly chats: readonly Chat[];
  /** Whether there are more of them. */
  readonly hasMore: boolean;
  /**
   * Reads the next ones.
   *
   * @throws nothing: the state says what came of it
   *
   * @example
   * if (state.hasMore) await state.loadMore();
   */
  readonly loadMore: () => Promise<void>;
}

/** One chat. */
export interface ChatState extends ViewState {
  /** The chat; absent while it was not read. The same object until it changes. */
  readonly chat?: Chat;
}

/** The messages of one chat. */
export interface MessagesState extends ViewState {
  /** The messages, the oldest first. A message that did not change is the same object. */
  readonly messages: readonly Message[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  /**
   * Reads older ones.
   *
   * @throws nothing: the state says what came of it
   *
   * @example
   * if (state.hasMore) await state.loadMore();
   */
  readonly loadMore: () => Promise<void>;
}

/** How the connection of the event stream is. */
export type ConnectionSnapshot = Omit<ConnectionStatus, "gap">;

/** Which chats a list shows. */
export interface ChatsOptions {
  /** The archived ones instead of the visible ones. Default false. */
  readonly archived?: boolean | undefined;
}

/** Options of `createInbox`. */
export interface InboxOptions {
  /** How many chats a list reads at once, 1 to 99. Default 50. */
  readonly chatsPerPage?: number | undefined;
  /** How many messages of a chat are read at once, 1 to 100. Default 50. */
  readonly messagesPerPage?: number | undefined;
}

/**
 * Chats and messages that are kept up to date: read once, and then changed by the events of one stream, which all views share.
 * The stream is open while a view is watched or somebody listens with {@link Inbox.onEvent}.
 */
export interface Inbox {
  /**
   * The chats, newest activity first: the visible ones, or the archived ones.
   *
   * @param options `archived`, for the archived ones. Without it the visible ones
   * @returns the view; the same one for the same options
   * @throws ValidationError when an option is wrong; `context.field` names it
   *
   * @example
   * const { chats, hasMore, loadMore } = inbox.chats().get();
   */
  readonly chats: (options?: ChatsOptions) => View<ChatsState>;
  /**
   * One chat.
   *
   * @param guid the chat's `guid`
   * @returns the view; the same one for the same chat
   * @throws ValidationError when `guid` is no text
   *
   * @example
   * const unread = inbox.chat(guid).get().chat?.unreadCount ?? 0;
   */
  readonly chat: (guid: string) => View<ChatState>;
  /**
   * The messages of a chat. Needs a client of `im-chats/messages`: with any other the state is an error that says so.
   *
   * A tapback or sticker that came as an event has an empty `messageGuid` until its message is read again: the event does not say it.
   *
   * @param guid the chat's `guid`
   * @returns the view; the same one for the same chat
   * @throws ValidationError when `guid` is no text
   *
   * @example
   * const view = inbox.messages(guid);
   * view.subscribe(() => show(view.get().messages));
   */
  readonly messages: (guid: string) => View<MessagesState>;
  /** How the connection of the event stream is. Watching it opens no stream. */
  readonly connection: View<ConnectionSnapshot>;
  /**
   * Calls `handler` for every event from now on, exactly once and in order, also for those that the inbox itself has no use for. Where
   * nothing else has the stream open, the first event is one of after it was opened.
   *
   * @param guid only events of this chat. With undefined those of all chats
   * @param handler is given the event. What it throws is reported as the runtime reports any error, and stops nothing
   * @returns a function that stops it; safe to repeat
   * @throws ValidationError when an argument is wrong; `context.field` names it
   *
   * @example
   * const stop = inbox.onEvent(undefined, (event) => {
   *   if (event.type === "message.received" && !event.isFromMe) notify(event.message.content.text);
   * });
   */
  readonly onEvent: (guid: string | undefined, handler: (event: LiveEvent) => void) => () => void;
  /**
   * Ends the event stream; the views keep what they show, and nobody is called any more. Safe to repeat. The client stays open.
   *
   * @example
   * inbox.close();
   */
  readonly close: () => void;
}
