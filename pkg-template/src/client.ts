import { chatsOf, eventsOf, tokensOf } from "./chats.js";
import { LiveConnection } from "./connection.js";
import { loadCursor, type CursorStore } from "./cursor-store.js";
import { checkGlobals } from "./environment.js";
import { blame, callSite, ErrorCode, IMessageError, make, messageOf, precondition, type CallSite } from "./errors.js";
import { Host, weak, type Runtime, type WebSocketConstructor } from "./host.js";
import { EventIterator } from "./iterator.js";
import { readOptions, type ClientOptions, type Settings } from "./options.js";
import { isSignal } from "./snapshot.js";
import { asyncDispose, TypedEventStream } from "./stream.js";
import type { Client } from "./types.js";
import { wasmLoader } from "./wasm-source.js";
import type { Chats, Client as WasmClient, Events, EventStream } from "./wasm/im_chats.js";
import type { Groups, Messages } from "./wasm/messages.js";

/** The wasm's half of a client that has started. @internal */
export interface Started {
  readonly client: WasmClient;
  readonly chats: Chats;
  readonly events: Events;
  /** In the wasm of `im-chats/messages` alone. */
  readonly messages?: Messages | undefined;
  readonly groups?: Groups | undefined;
}

/** The options of a stream, as far as the shell looks into them. */
interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  readonly cursor?: CursorStore | undefined;
}

function closedError(): IMessageError {
  return precondition("the client is closed; create a new one with createClient");
}

/** A client whose wasm starts with its first call. @internal */
export class LazyClient {
  readonly connection: LiveConnection = new LiveConnection(() => Math.max(0, ...Array.from(this.#streams, ({ lag }) => lag)));
  readonly #runtime: Runtime;
  readonly #host: Host;
  readonly #streams = new Set<EventIterator<object>>();
  #started: Started | undefined;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor(runtime: Runtime, settings: Settings) {
    this.#runtime = runtime;
    this.#host = new Host(settings, this.connection);
  }

  async #start(): Promise<Started> {
    const { engine } = this.#runtime;
    if (!this.#isClosed) {
      checkGlobals("AbortController", "Headers", "TextDecoder", "TextEncoder", "URL", "WebAssembly", "fetch", "setTimeout");
      await engine.awaitAnswer(this, engine.start(this.#runtime));
    }
    // Closed, or started by another call, while this one waited.
    if (this.#isClosed) throw closedError();
    return (this.#started ??= engine.enter(() => {
      const client: Omit<Started, "client"> & WasmClient = new engine.glue.Client(weak(this.#host));
      const { chats, events, messages, groups } = client;
      return { client, chats, events, messages, groups };
    }));
  }

  /** Runs a call. Its promise settles also when the wasm traps, or the client is closed. */
  async call<T>(site: CallSite, act: (chats: Chats, started: Started) => Promise<T>): Promise<T> {
    try {
      const started = this.#started ?? (await this.#start());
      const { engine } = this.#runtime;
      return await engine.awaitAnswer(this, engine.enter(() => act(started.chats, started)));
    } catch (error) {
      throw blame(error, site);
    }
  }

  stream<T extends object, O extends StreamOptions>(
    site: CallSite,
    given: () => O | undefined,
    open: (started: Started, options: object) => EventStream,
  ): TypedEventStream<T> {
    const { engine } = this.#runtime;
    let options: StreamOptions = {};
    try {
      options = given() ?? {};
    } catch {
      // Opening reports it.
    }
    const { signal, cursor: store } = options;
    const iterator: EventIterator<T> = new EventIterator<T>(
      {
        trap: engine,
        open: async (cut) => {
          const started = this.#started ?? (await this.#start());
          const options = { ...given() };
          this.#host.socket ??= await this.#webSocket();
          const cursor = store && (await loadCursor(store, cut));
          if (this.#isClosed) throw closedError();
          return engine.enter(() => open(started, { ...options, cursor }));
        },
        explain: (error) => blame(error, site),
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
    this.#isClosed = true;
    const streams = [...this.#streams].map((stream) => stream.return());
    const { engine } = this.#runtime;
    engine.refuseAll(this, closedError);
    const started = this.#started;
    engine.attempt(() => started?.client.close());
    // Without a stream there was no connection that could have said so.
    if (this.connection.state !== "closed") this.connection.changed({ state: "closed" });
    this.#started = undefined;
    // Not now: the calls that were ended let go of it in their own turn.
    await Promise.resolve();
    engine.attempt(() => Object.values(started ?? {}).forEach((part?: { free(): void }) => part?.free()));
    for (const end of await Promise.allSettled(streams)) if (end.status === "rejected") throw end.reason;
  }
}

/** Makes the `createClient` of one runtime; `extend` gives what a client has besides. @internal */
export function clientFactory<E = unknown>(runtime: Runtime, extend?: (client: LazyClient) => E): (options: ClientOptions) => Client & E {
  return function createClient(options) {
    try {
      return open(runtime, options, extend);
    } catch (error) {
      throw blame(error, callSite(createClient));
    }
  };
}

function open<E>(runtime: Runtime, options: ClientOptions, extend?: (client: LazyClient) => E): Client & E {
  const settings = readOptions(options);
  const { wasm } = options;
  const own = wasm === undefined ? runtime : { ...runtime, wasm: wasmLoader(wasm, runtime.readUrl) };
  const client = new LazyClient(own, settings);
  return {
    chats: chatsOf(client),
    events: eventsOf(client),
    tokens: tokensOf(client, settings.allowTokenCreationInBrowser),
    connection: client.connection,
    close: () => client.close(),
    [asyncDispose]: () => client.close(),
    ...(extend?.(client) as E),
  };
}
