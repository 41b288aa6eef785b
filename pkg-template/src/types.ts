import type { CursorStore } from "./cursor-store.js";
import type { Connection } from "./connection.js";
import type { ClientOptions } from "./options.js";
import type { TypedEventStream } from "./stream.js";
import type { CallOptions, CatchUpEvent, Chat, ChatEvent, Chats as WasmChats, CreateTokenOptions, CreateTokenResult, Gap, LiveEvent } from "./wasm/im_chats.js";

/** The calls of `chats`. */
type Calls =
  | "create"
  | "get"
  | "count"
  | "markRead"
  | "setTyping"
  | "shareContactInfo"
  | "setBackground"
  | "hasBackground"
  | "removeBackground";

/** Options of `chats.subscribeEvents`. */
export interface SubscribeOptions {
  /** Only events of this chat, by its `guid`. Without it: of all visible chats. */
  readonly chat?: string | undefined;
  /**
   * Where to begin: a saved `stream.cursor`, or a sequence, from which on history and live events arrive as one ordered
   * stream. Without it the stream begins now.
   */
  readonly after?: string | number | undefined;
  /**
   * Where the stream keeps its cursor over restarts of the program: `fileCursor(path)`, `storageCursor(localStorage, key)`, or a
   * {@link CursorStore} of your own. The stream begins after the cursor that is saved there; while there is none, at `after`, or
   * now. The cursor is saved once the stream is ready, then as events are handled (at most four times a second), and at the end,
   * and never past an event that is not handled. When the store fails or holds no cursor, the stream ends with an
   * `IMessageError` whose `context.field` is `cursor`. Without it nothing is saved.
   */
  readonly cursor?: CursorStore | undefined;
  /**
   * Whether the stream goes on by itself after a cut, without losing or repeating an event. Default true. With `false` a cut
   * ends it with a `ConnectionError`.
   */
  readonly resume?: boolean | undefined;
  /**
   * What to do when the server no longer holds the events after the cursor. `"fail"`, the default, ends the stream with an
   * `IMessageError` of code `cursorTooOld`. `"skip"` goes on with the oldest event there is; what was left out is reported to
   * {@link Connection.on}, or to the function given here instead of `"skip"`.
   */
  readonly onGap?: "fail" | "skip" | ((gap: Gap) => void) | undefined;
  /** Ends the stream; the loop over it then throws the signal's reason. Without it the stream ends by `close`, or as its loop is left. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `type` says of an event of the log: one of the types of {@link LiveEvent}.
 *
 * - `message.received`: a message landed in a chat
 * - `message.edited`: a message got another content
 * - `message.read`: a message of this account was read
 * - `message.unsent`: a message was taken back
 * - `message.reactionAdded`: a tapback was put on a message
 * - `message.reactionRemoved`: a tapback was taken from a message
 * - `message.stickerPlaced`: a sticker was put on a message
 * - `chat.archived`: a chat was archived
 * - `chat.unarchived`: a chat was taken out of the archive
 * - `chat.markedRead`: a chat's unread count went to zero
 * - `chat.backgroundChanged`: a background was set or replaced
 * - `chat.backgroundRemoved`: a background was removed
 * - `group.changed`: a group changed; its `change` tells how
 * - `poll.changed`: a poll changed; its `delta` tells how
 * - `unknown`: something that this version does not know
 */
export type EventType = LiveEvent["type"];

/** Options of `events.subscribe`. What is not here is as for {@link SubscribeOptions}. */
export interface SubscribeAllOptions extends Omit<SubscribeOptions, "chat"> {
  /**
   * Only events of these chats, by their `guid`: 1 to 100. Without it: of all chats that the token is for. The server picks, so what is
   * left out costs nothing here.
   */
  readonly chats?: readonly string[] | undefined;
  /**
   * Only events of these types: 1 to 32, such as `["message.received", "message.edited"]`. Without it: events of every type, also of
   * those that this version does not know, which come as `"unknown"`.
   */
  readonly types?: readonly EventType[] | undefined;
}

/** Options of `chats.list`. */
export interface ListChatsOptions extends CallOptions {
  /** Lists the archived chats, and only those. Default false: the visible ones. */
  readonly archived?: boolean | undefined;
  /** How many chats one request asks for, 1 to 100. Default 50. It changes how often the list asks, and not what it gives. */
  readonly pageSize?: number | undefined;
}

/** Options of `events.catchUp`. */
export interface CatchUpOptions extends CallOptions {
  /**
   * Where the cursor is kept, as for {@link SubscribeOptions.cursor}: each catch-up then replays what happened since the one
   * before. While nothing is saved there, it begins at `after`, or at the beginning. Without it nothing is saved.
   */
  readonly cursor?: CursorStore | undefined;
}

/** `im.chats`: creates and manages conversations, and watches them. */
export interface Chats extends Pick<WasmChats, Calls> {
  /**
   * The chats of the account, the one in which something happened last first: its last message, or that it was created.
   *
   * Nothing is asked for before the loop begins, and the next page only once the loop has come to its end: leave the loop to have the
   * first few. Each loop over the same list begins with the newest chat, and gives each chat once at most: one that moves up before the loop
   * came to it does not come. Events tell of everything that happens meanwhile. A token that is limited to chats lists those.
   *
   * It is an extension of the im-chats gateway; the service behind a relay lists none, so a relay lists the chats that it has seen.
   *
   * @param options `archived`, `pageSize`, and `signal`, which ends the loop with its reason
   * @returns the list, for `for await`. This call itself throws nothing; the loop throws what follows
   * @throws ValidationError when an option is wrong; `context.field` names it
   * @throws IMessageError of code `operationNotSupported` when the server does not list chats
   * @throws AuthenticationError when the token is refused, or does not allow this
   * @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
   * @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
   * @throws the reason of `signal`, once that is aborted
   *
   * @example
   * for await (const chat of im.chats.list()) console.log(chat.displayName || chat.guid, chat.unreadCount);
   *
   * @example
   * // The ten newest ones.
   * const newest: Chat[] = [];
   * for await (const chat of im.chats.list({ pageSize: 10 })) {
   *   newest.push(chat);
   *   if (newest.length === 10) break;
   * }
   */
  list(options?: ListChatsOptions): AsyncIterable<Chat>;

  /**
   * The events of one chat, or of all visible chats, as they happen.
   *
   * Subscribing begins at once, not with the first pull; {@link TypedEventStream.ready} tells when nothing can be missed any
   * more. At most 2,048 events wait in the program, however slow its loop. Bad options are reported by the stream, as a
   * `ValidationError`: this call itself throws nothing.
   *
   * @param options of which chat, from where on, and where the cursor is kept; by default all chats, from now on
   * @returns the stream, for `for await` or {@link TypedEventStream.on}
   *
   * @example
   * for await (const event of im.chats.subscribeEvents()) console.log(event.chatGuid, event.type);
   *
   * @example
   * // What happened while the program was down comes first.
   * const stream = im.chats.subscribeEvents({ chat: chat.guid, cursor: fileCursor("cursor.txt") });
   */
  subscribeEvents(options?: SubscribeOptions): TypedEventStream<ChatEvent>;
}

/** `im.events`: the durable log of everything that happened. */
export interface Events {
  /**
   * Everything that happens – messages, groups, polls, chats – as one ordered stream: from now on, or from a cursor through what was
   * missed to live. What {@link Chats.subscribeEvents | chats.subscribeEvents} promises holds here, too.
   *
   * The token needs the scope `events:all`. A gateway of an older version cannot pick by `chats` and `types`: such a stream ends with an
   * `IMessageError` of code `operationNotSupported`. Bad options are reported by the stream, as a `ValidationError`: this call itself
   * throws nothing.
   *
   * @param options of which chats and types, from where on, and where the cursor is kept; by default everything, from now on
   * @returns the stream, for `for await` or {@link TypedEventStream.on}
   *
   * @example
   * for await (const event of im.events.subscribe()) {
   *   if (event.type === "message.received") console.log(event.chatGuid, event.message.content.text);
   * }
   *
   * @example
   * // A bot of two chats; what was said while it was down comes first.
   * const stream = im.events.subscribe({
   *   chats: [team.guid, alice.guid],
   *   types: ["message.received"],
   *   cursor: fileCursor("cursor.txt"),
   * });
   */
  subscribe(options?: SubscribeAllOptions): TypedEventStream<LiveEvent>;
  /**
   * Replays everything the log still holds after `after` – a saved cursor or a sequence, from the beginning without it – and
   * ends with one `catchup.complete`. Bad input is reported by the stream, as a `ValidationError`: this call itself throws nothing.
   *
   * @param after a saved `stream.cursor`, or a sequence, 0 to 2^53 − 1. Without it the replay begins where the log does
   * @param options `cursor`, a store that the place is kept in, and `signal`, which ends the stream
   * @returns the stream of every event after `after`, and of the end
   *
   * @example
   * for await (const event of im.events.catchUp()) {
   *   if (event.type === "catchup.complete") console.log("everything up to", event.headSequence);
   *   else if (event.type === "message.received") console.log(event.message.content.text);
   * }
   */
  catchUp(after?: string | number, options?: CatchUpOptions): TypedEventStream<CatchUpEvent>;
}

/** `im.tokens`: scoped tokens for others, as a back end gives them to its users. */
export interface Tokens {
  /**
   * Makes a token that allows only what it says: for the page of a signed-in user, which must not have the operator's own token.
   *
   * For back ends: it needs the operator's own token (`--token-file` of the gateway), which allows everything. In a browser it is
   * refused before anything is sent, unless `createClient` has {@link ClientOptions.allowTokenCreationInBrowser}. It is safe to
   * repeat: a token that nobody got does no harm, and ends by itself.
   *
   * @param options whose token, what it allows, for which chats and how long; and `signal`, which aborts the call
   * @returns the token, and when it ends
   * @throws ValidationError when an argument is wrong; `context.field` names it. Of code `preconditionFailed` in a browser
   * @throws AuthenticationError when the client's own token is refused, or is not the operator's
   * @throws RateLimitError when a limit is reached; `retryAfter` says for how many milliseconds, when the server does
   * @throws ConnectionError when the service could not be reached, or did not answer within `timeout` milliseconds
   * @throws the reason of `signal`, once that is aborted
   *
   * @example
   * const { token, expiresAt } = await im.tokens.create({
   *   sub: "user-42",
   *   scope: ["chats:read", "events"],
   *   chats: ["any;-;alice@example.com"],
   *   ttlSeconds: 900,
   * });
   */
  create(options: CreateTokenOptions & CallOptions): Promise<CreateTokenResult>;
}

/** A client of one account. */
export interface Client extends AsyncDisposable {
  /** Creates and manages conversations, and watches them. */
  readonly chats: Chats;
  /** The durable log of everything that happened. */
  readonly events: Events;
  /** Makes scoped tokens for others, such as the users of your pages. For back ends. */
  readonly tokens: Tokens;
  /** How the connection of the event streams is. */
  readonly connection: Connection;
  /**
   * Ends open streams (their loops finish) and calls under way, and refuses later ones. Safe to repeat. Resolves once the streams'
   * cursors are saved.
   *
   * @throws IMessageError when a cursor could not be saved, with `context.field` `cursor`
   *
   * @example
   * process.once("SIGTERM", () => im.close());
   *
   * @example
   * await using im = createClient({ address: "im.example.com", token: "…" }); // closes it at the end of the block
   */
  close(): Promise<void>;
  /** For `await using`: closes the client at the end of the block, as {@link Client.close | close} does. */
  [Symbol.asyncDispose](): Promise<void>;
}
