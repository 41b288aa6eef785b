import { carryOut, type Call, type Ending } from "./call.js";
import { LiveConnection, type Connection, type Gap } from "./connection.js";
import { loadCursor, type CursorStore } from "./cursor-store.js";
import { checkGlobals } from "./environment.js";
import { blame, callSite, ErrorCode, IMessageError, make, messageOf, precondition, type CallSite } from "./errors.js";
import { Host, type Runtime } from "./host.js";
import { EventIterator, failWaiting, type Sequenced } from "./iterator.js";
import { readOptions as readClientOptions, type ClientOptions, type Settings } from "./options.js";
import { onPanic } from "./panic.js";
import { isSignal, now, readArgument, readInput, readOptions } from "./snapshot.js";
import type { WebSocketConstructor } from "./socket.js";
import { asyncDispose, TypedEventStream } from "./stream.js";
import { readToken } from "./token.js";
import { notStarted, readWasm, wasmLoader } from "./wasm-source.js";
import init, {
  Core,
  type CallOptions,
  type CatchUpEvent,
  type ChatEvent,
  type StreamHandle,
} from "./wasm/im_chats.js";

/** The unary calls: the arguments that each takes, and the options that come after them, besides `signal`. */
const UNARY = {
  create: [["addresses"], ["message", "effect", "subject", "clientMessageId"]],
  get: [["chat"], []],
  count: [[], ["includeArchived"]],
  markRead: [["chat"], []],
  setTyping: [["chat", "isTyping"], []],
  shareContactInfo: [["chat"], []],
  setBackground: [["chat", "data"], []],
  hasBackground: [["chat"], []],
  removeBackground: [["chat"], []],
} as const;

type Unary = keyof typeof UNARY;

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
export interface Chats extends Pick<Core, Unary> {
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

/** One start of the wasm for all clients; a failed one is forgotten, so the next call tries again. */
let starting: Promise<void> | undefined;

/** Set once the wasm trapped, and never reset: its memory can no longer be trusted. */
let crash: string | undefined;

/** How to end each pending operation, and its client. A trap ends all of them, since none would settle; `close` ends its client's. */
const underWay = new Map<Ending["end"], LazyClient>();

function crashed(message: string): IMessageError {
  crash ??= message;
  for (const end of [...underWay.keys()]) end(crashError(crash));
  failWaiting(crashError(crash));
  return crashError(crash);
}

/** Each failure has an error of its own: its stack is that of the call that failed. */
function crashError(message: string): IMessageError {
  const details = { code: ErrorCode.internalError, grpcCode: 13, retryable: false };
  return make(IMessageError, `im-chats stopped working and must be loaded again: ${message}`, details);
}

function closedError(): IMessageError {
  return precondition("the client is closed; create a new one with createClient");
}

/**
 * What the wasm holds of a host. Nothing that the wasm holds is ever collected, so a strong reference would keep every client that
 * was used: its host, and what that refers to. The client, its sockets and its timers hold the host itself.
 */
function weakly(host: Host): Host {
  // Workers of before May 2025, by their compatibility date, have no `WeakRef`: there only `close` frees a client.
  if (typeof WeakRef === "undefined") return host;
  const call = (host: Host | undefined, name: string, input: unknown[]) =>
    (host?.[name as keyof Host] as ((...input: unknown[]) => unknown) | undefined)?.apply(host, input);
  return new Proxy(new WeakRef(host), {
    get: (ref, name) => (...input: unknown[]) => call(ref.deref(), name as string, input),
  }) as unknown as Host;
}

/** What anything that went wrong on the wasm side is to the user. */
function explain(error: unknown): unknown {
  return error instanceof WebAssembly.RuntimeError ? crashed(error.message) : error;
}

function start(runtime: Runtime): Promise<void> {
  starting ??= (async () => {
    let isWhole = false;
    try {
      const wasm = await readWasm(await runtime.wasm());
      isWhole = !("headers" in Object(wasm));
      await init({ module_or_path: wasm });
      onPanic(() => crashed("it panicked"));
    } catch (cause) {
      starting = undefined;
      if (cause instanceof IMessageError) throw cause;
      // What does not compile today does not tomorrow, and neither does what a page's policy forbids.
      const retryable = !(isWhole || cause instanceof WebAssembly.CompileError || cause instanceof WebAssembly.LinkError);
      throw notStarted(messageOf(cause), retryable, cause);
    }
  })();
  return starting;
}

class LazyClient {
  readonly connection = new LiveConnection();
  readonly #runtime: Runtime;
  readonly #settings: Settings;
  readonly #host: Host;
  readonly #streams = new Set<EventIterator<Sequenced>>();
  #core: Core | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(runtime: Runtime, settings: Settings) {
    this.#runtime = runtime;
    this.#settings = settings;
    // Not now, when Rust is on the stack: the user's function may close the client, which frees what Rust is using.
    this.#host = new Host(this.connection, async () => (await undefined, readToken(settings.token)), (error) => {
      crashed(messageOf(error));
    });
  }

  async #started(): Promise<Core> {
    if (this.#closed) throw closedError();
    if (!this.#core) {
      await start(this.#runtime);
      // Closed, or started by another call, while this one waited.
      if (this.#closed) throw closedError();
      this.#core ??= this.#create();
    }
    return this.#core;
  }

  #create(): Core {
    const core = new Core(weakly(this.#host), this.#settings.baseUrl);
    this.#host.attach(core);
    const streams = this.#streams;
    this.connection.attach(() => {
      if (crash !== undefined) return 0;
      try {
        return Math.max(0, ...Array.from(streams, (stream) => stream.lag));
      } catch (error) {
        crashed(messageOf(error));
        return 0;
      }
    });
    return core;
  }

  /** Runs something that ends in the wasm; settles also when the wasm does not come back, or the client is closed. */
  #run<T>(site: CallSite, act: (core: Core, ending: Ending) => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (crash) return reject(blame(crashError(crash), site));
      if (!this.#core) checkGlobals("AbortController", "TextDecoder", "TextEncoder", "URL", "WebAssembly", "fetch", "setTimeout");
      const controller = new AbortController();
      const stops: (() => void)[] = [];
      const over = () => {
        underWay.delete(end);
        for (const stop of stops) stop();
      };
      const end = (reason: unknown) => {
        over();
        // Frees the connection, and ends the attempts. Not done after an answer: making its reason would cost more than all else here.
        controller.abort();
        reject(blame(reason, site));
      };
      underWay.set(end, this);
      const run = async () => act(await this.#started(), { signal: controller.signal, end, stops });
      run().then(
        (value) => {
          over();
          resolve(value);
        },
        (error: unknown) => {
          over();
          reject(blame(explain(error), site));
        },
      );
    });
  }

  call(site: CallSite, prepare: (core: Core) => Call): Promise<unknown> {
    return this.#run(site, (core, ending) => carryOut(core, prepare(core), this.#settings, ending));
  }

  stream<T extends object>(
    site: CallSite,
    options: unknown,
    known: readonly string[],
    open: (core: Core, options: unknown) => StreamHandle,
  ): TypedEventStream<T> {
    const given = now(() => readOptions(options, [...known, "cursor"]));
    let signal: unknown;
    let store: CursorStore | undefined;
    try {
      const read = given();
      signal = read?.["signal"];
      store = read?.["cursor"] as CursorStore | undefined;
    } catch {
      // Opening reports it.
    }
    const iterator: EventIterator<T & Sequenced> = new EventIterator(
      {
        open: (settled) =>
          this.#run(site, async (core) => {
            const options = given();
            this.#host.webSocket ??= await this.#webSocket();
            const cursor = store && (await loadCursor(store, settled));
            if (this.#closed) throw closedError();
            return open(core, store ? { ...options, cursor } : options);
          }),
        explain: (error) => blame(explain(error), site),
        check: () => {
          if (crash) throw crashError(crash);
        },
        onEnd: () => this.#streams.delete(iterator),
      },
      store,
    );
    this.#streams.add(iterator);
    if (isSignal(signal)) iterator.obey(signal);
    return new TypedEventStream<T>(iterator);
  }

  async #webSocket(): Promise<WebSocketConstructor> {
    try {
      return await this.#runtime.webSocket();
    } catch (cause) {
      if (cause instanceof IMessageError) throw cause;
      throw make(IMessageError, `event streams need a WebSocket, and this runtime gives none: ${messageOf(cause)}; in Node, \`npm install ws\` provides one`, {
        code: ErrorCode.operationNotSupported,
        grpcCode: 12,
        retryable: false,
        cause,
      });
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed = true;
    const streams = [...this.#streams].map((stream) => stream.return());
    for (const [end, client] of [...underWay]) if (client === this) end(closedError());
    const core = this.#core;
    if (core && !crash) core.close();
    // Without a stream there was no connection that could have said so.
    if (this.connection.state !== "closed") this.connection.changed({ state: "closed" });
    if (core && !crash) await this.#free(core);
    for (const end of await Promise.allSettled(streams)) if (end.status === "rejected") throw end.reason;
  }

  async #free(core: Core): Promise<void> {
    this.#host.detach();
    // Not now: Rust may be on the stack.
    await undefined;
    this.#core = undefined;
    core.free();
  }
}

/** Makes the `createClient` of one runtime. @internal */
export function clientFactory(runtime: Runtime): (options: ClientOptions) => Client {
  return function createClient(options) {
    try {
      return open(runtime, options);
    } catch (error) {
      throw blame(error, callSite(createClient));
    }
  };
}

// Its methods are functions of their own, so that they work without the object, as in `const { get } = im.chats`.
function open(runtime: Runtime, options: ClientOptions): Client {
  const settings = readClientOptions(options);
  const { wasm } = options;
  const own = wasm === undefined ? runtime : { ...runtime, wasm: wasmLoader(wasm, runtime.readUrl) };
  const client = new LazyClient(own, settings);
  const calls = Object.fromEntries(
    Object.entries(UNARY).map(([name, input]) => [name, unary(client, name as Unary, input)]),
  ) as unknown as Pick<Chats, Unary>;
  return {
    chats: {
      ...calls,
      subscribeEvents: function subscribeEvents(subscription) {
        const known = ["chat", "after", "resume", "onGap"];
        return client.stream(callSite(subscribeEvents), subscription, known, (core, options) => core.subscribeEvents(options));
      },
    },
    events: {
      catchUp: function catchUp(after, options) {
        const given = now(() => readArgument("after", after));
        return client.stream(callSite(catchUp), options, [], (core, options) => core.catchUp(given(), options));
      },
    },
    connection: client.connection,
    close: () => client.close(),
    [asyncDispose]: () => client.close(),
  };
}

function unary(client: LazyClient, name: Unary, [names, known]: (typeof UNARY)[Unary]): (...input: unknown[]) => Promise<unknown> {
  return function call(...input) {
    const site = callSite(call);
    const given = now(() => readInput(input, names, known));
    return client.call(site, (core) => (core[name] as unknown as (...input: unknown[]) => Call).apply(core, given()));
  };
}
