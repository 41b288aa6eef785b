import type { CursorStore } from "./cursor-store.js";
import type { Connection } from "./connection.js";
import type { TypedEventStream } from "./stream.js";
import type { CallOptions, CatchUpEvent, ChatEvent, Chats as WasmChats, Gap } from "./wasm/im_chats.js";

/** The calls that the wasm exports as they are. */
type Calls = Omit<WasmChats, "subscribeEvents" | "free" | typeof Symbol.dispose>;

/** Options of `chats.subscribeEvents`. */
export interface SubscribeOptions {
  /** Only events of this chat; all visible chats without it. */
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
   * `IMessageError` whose `context.field` is `cursor`.
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
  /** Ends the stream; the loop over it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `events.catchUp`. */
export interface CatchUpOptions extends CallOptions {
  /**
   * Where the cursor is kept, as for {@link SubscribeOptions.cursor}: each catch-up then replays what happened since the one
   * before. While nothing is saved there, it begins at `after`, or at the beginning.
   */
  readonly cursor?: CursorStore | undefined;
}

/** `im.chats`: creates and manages conversations, and watches them. */
export interface Chats extends Calls {
  /**
   * The events of one chat, or of all visible chats, as they happen.
   *
   * Subscribing begins at once, not with the first pull; {@link TypedEventStream.ready} tells when nothing can be missed any
   * more. Bad options are reported by the stream, as a `ValidationError`.
   *
   * @example
   * for await (const event of im.chats.subscribeEvents()) console.log(event.chatGuid, event.type);
   */
  subscribeEvents(options?: SubscribeOptions): TypedEventStream<ChatEvent>;
}

/** `im.events`: the durable log of everything that happened. */
export interface Events {
  /**
   * Replays everything the log still holds after `after` – a saved cursor or a sequence, from the beginning without it – and
   * ends with one `catchup.complete`. Bad input is reported by the stream, as a `ValidationError`.
   */
  catchUp(after?: string | number, options?: CatchUpOptions): TypedEventStream<CatchUpEvent>;
}

/** A client of one account. */
export interface Client extends AsyncDisposable {
  /** Creates and manages conversations, and watches them. */
  readonly chats: Chats;
  /** The durable log of everything that happened. */
  readonly events: Events;
  /** How the connection of the event streams is. */
  readonly connection: Connection;
  /**
   * Ends open streams (their loops finish) and calls under way, and refuses later ones. Safe to repeat. Resolves once the streams'
   * cursors are saved, and rejects when that fails.
   */
  close(): Promise<void>;
}
