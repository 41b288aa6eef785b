import { ConnectionError, ErrorCode, IMessageError, invalid, make, messageOf, precondition } from "./errors.js";

/**
 * Where a stream keeps its cursor over restarts of the program: a file ({@link fileCursor}), `localStorage`
 * ({@link storageCursor}), or something of your own, like a row of a database. One store belongs to one stream.
 *
 * @example
 * const store: CursorStore = {
 *   load: () => database.get("cursor"),
 *   save: (cursor) => database.set("cursor", cursor),
 * };
 * for await (const event of im.chats.subscribeEvents({ cursor: store })) console.log(event.type);
 */
export interface CursorStore {
  /**
   * What was saved last; undefined or null when there is nothing yet. Called once, before the stream begins. When it fails, or takes
   * longer than 30 seconds, the stream ends with an error.
   *
   * @returns the text that `save` was given last, unchanged
   *
   * @example
   * const load = () => database.get("cursor");
   */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Keeps `cursor` in place of the one before, whole or not at all. Never called while an earlier call is unfinished, and at
   * most four times a second. When it fails, the stream ends with an error: an `IMessageError` whose `context.field` is `cursor`.
   * An `IMessageError` of your own is its `cause`, and gives it its `code`.
   *
   * It has 10 seconds. After that the stream ends with a `ConnectionError` of code `timeout`, which `close()` throws when it waited
   * for this save. So do not wait for `stream.close()` or `im.close()` in here: both wait for the save. The stream does not call its
   * store again then; another stream may, although this call is unfinished.
   *
   * @param cursor a short text without a meaning of its own; it replaces the one before
   *
   * @example
   * const save = (cursor: string) => database.set("cursor", cursor);
   */
  save(cursor: string): void | Promise<void>;
}

/** What {@link storageCursor} needs of a storage: `localStorage`, `sessionStorage`, or React Native's `AsyncStorage`. */
export interface CursorStorage {
  /**
   * The value of a key.
   *
   * @param key the item's name
   * @returns the value; null when there is none
   *
   * @example
   * const getItem = (key: string) => localStorage.getItem(key);
   */
  getItem(key: string): string | null | Promise<string | null>;
  /**
   * Sets the value of a key.
   *
   * @param key the item's name
   * @param value what `getItem` gives from now on
   *
   * @example
   * const setItem = (key: string, value: string) => localStorage.setItem(key, value);
   */
  setItem(key: string, value: string): void | Promise<void>;
}

/**
 * Keeps a stream's cursor in a storage of the browser, or anything that has its `getItem` and `setItem`. It reads and writes
 * nothing before the stream begins; what the storage throws ends the stream.
 *
 * @example
 * const stream = im.chats.subscribeEvents({ cursor: storageCursor(localStorage, "im-chats.cursor") });
 *
 * @param storage `localStorage`, or anything with its `getItem` and `setItem`
 * @param key the item's name; another one for every stream
 * @returns the store, for the option `cursor` of `subscribeEvents` and `catchUp`
 * @throws ValidationError when an argument is wrong; `context.field` names it
 */
export function storageCursor(storage: CursorStorage, key: string): CursorStore {
  if (typeof storage?.getItem !== "function" || typeof storage.setItem !== "function") {
    throw invalid("storage", "expected localStorage, or an object with its getItem and setItem");
  }
  if (typeof key !== "string" || key === "") throw invalid("key", "expected the name of an item");
  return { load: () => storage.getItem(key), save: (cursor) => storage.setItem(key, cursor) };
}

/** The option `cursor`, checked. @internal */
export function checkStore(store: unknown): void {
  const { load, save } = Object(store) as Partial<CursorStore>;
  if (store !== undefined && (typeof load !== "function" || typeof save !== "function")) {
    throw invalid("cursor", "expected a store of cursors: fileCursor(path), storageCursor(storage, key), or an object with load and save");
  }
}

/** How long a store may take, in seconds. */
const LIMIT_S = { loaded: 30, saved: 10 };

/** The last call of each store: a stream may follow another one so closely that the store still works for that one. None rejects. */
const calls = new WeakMap<CursorStore, Promise<unknown>>();

/**
 * Calls a store, but not now and not before its last call is over: a store that closes its stream would be called within itself.
 * Rejects when the call fails or takes too long.
 */
function callStore<T>(store: CursorStore, what: keyof typeof LIMIT_S, act: () => T | Promise<T>, ended?: Promise<void>): Promise<T> {
  const limited = () =>
    new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(late(what)), LIMIT_S[what] * 1000);
      // Nobody waits any more, and a timer would keep Node alive.
      void ended?.then(() => reject(precondition("the stream is closed")));
      const settled = () => clearTimeout(timer);
      void ended?.then(settled);
      const run = async () => act();
      run().then(resolve, (cause: unknown) => reject(failed(what, cause))).then(settled);
    });
  const call = Promise.resolve(calls.get(store)).then(limited);
  calls.set(store, call.catch(() => {}));
  return call;
}

/** What a store holds, which may still be no cursor. Waits no longer once the stream has `ended`. @internal */
export async function loadCursor(store: CursorStore, ended: Promise<void>): Promise<string | undefined> {
  const saved: unknown = await callStore(store, "loaded", () => store.load(), ended);
  if (saved === undefined || saved === null) return undefined;
  if (typeof saved !== "string") throw invalid("cursor", `the store holds something that is no saved cursor: load() gave ${typeof saved}`);
  return saved;
}

function late(what: keyof typeof LIMIT_S): IMessageError {
  return make(ConnectionError, `cursor: could not be ${what} within ${LIMIT_S[what]} s`, {
    code: ErrorCode.timeout,
    grpcCode: 4,
    retryable: false,
    context: { field: "cursor" },
  });
}

/** Of the plain class even for a store's own `AuthenticationError`, which says nothing about the client's token. */
function failed(what: string, cause: unknown): IMessageError {
  const { code, grpcCode, retryable, context } = cause instanceof IMessageError ? cause : UNKNOWN;
  return make(IMessageError, `the cursor could not be ${what}: ${messageOf(cause)}`, {
    code,
    grpcCode,
    retryable,
    context: { ...context, field: "cursor" },
    cause,
  });
}

const UNKNOWN = { code: ErrorCode.internalError, grpcCode: 13, retryable: false, context: {} };

/** How long after one save the next one may begin, in milliseconds. */
const PACE_MS = 250;

/** Saves the cursor of one stream as it moves: not too often, one save at a time, and all of it at the end. @internal */
export class CursorSaver {
  readonly #store: CursorStore;
  readonly #current: () => string | undefined;
  readonly #onFailure: (error: IMessageError) => void;
  #saved: string | undefined;
  /** The save under way; it never rejects. */
  #saving: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The stream is over, or a save failed: then none is tried again, since the one before is what the store holds. */
  #closed = false;
  #failed = false;

  constructor(store: CursorStore, current: () => string | undefined, onFailure: (error: IMessageError) => void) {
    this.#store = store;
    this.#current = current;
    this.#onFailure = onFailure;
  }

  /** The cursor may have moved. Called for every event, so it does nothing while a save runs or is due. */
  moved(): void {
    if (!this.#saving && this.#timer === undefined) void this.#save();
  }

  /** Resolves once what is handled by now is saved, or could not be. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#saving ? this.#saving.then(() => this.flush()) : this.#save();
  }

  /** The same, for a stream that is over. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #save(): Promise<void> {
    const cursor = this.#failed ? undefined : this.#current();
    if (cursor === undefined || cursor === this.#saved) return Promise.resolve();
    this.#saving = callStore(this.#store, "saved", () => this.#store.save(cursor))
      .then(
        () => void (this.#saved = cursor),
        (error: IMessageError) => {
          this.#failed = true;
          this.#onFailure(error);
        },
      )
      .then(() => {
        this.#saving = undefined;
        if (this.#closed || this.#failed) return;
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          void this.#save();
        }, PACE_MS);
      });
    return this.#saving;
  }
}
