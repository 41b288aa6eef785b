import { chatsOf, eventsOf, tokensOf } from "./chats.js";
import { LiveConnection } from "./connection.js";
import { loadCursor, type CursorStore } from "./cursor-store.js";
import { checkGlobals } from "./environment.js";
import { blame, callSite, ErrorCode, IMessageError, make, messageOf, precondition, type CallSite } from "./errors.js";
import { Host, weak, type Runtime, type WebSocketConstructor } from "./host.js";
import { EventIterator } from "./iterator.js";
import { readOptions, type ClientOptions, type Settings } from "./options.js";
import { isSignal } from "./snapshot.js";
import { start } from "./start.js";
import { asyncDispose, TypedEventStream } from "./stream.js";
import { awaitAnswer, enter, attempt, refuseAll } from "./trap.js";
import type { Client } from "./types.js";
import { wasmLoader } from "./wasm-source.js";
import { Client as WasmClient, type Chats, type EventStream, type Events } from "./wasm/im_chats.js";

/** The wasm's half of a client that has started. @internal */
export interface Started {
  readonly client: WasmClient;
  readonly chats: Chats;
  readonly events: Events;
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
    if (!this.#isClosed) {
      checkGlobals("AbortController", "Headers", "TextDecoder", "TextEncoder", "URL", "WebAssembly", "fetch", "setTimeout");
      await awaitAnswer(this, start(this.#runtime));
    }
    // Closed, or started by another call, while this one waited.
    if (this.#isClosed) throw closedError();
    return (this.#started ??= enter(() => {
      const client = new WasmClient(weak(this.#host));
      return { client, chats: client.chats, events: client.events };
    }));
  }

  /** Runs a call. Its promise settles also when the wasm traps, or the client is closed. */
  async call<T>(site: CallSite, act: (chats: Chats, client: WasmClient) => Promise<T>): Promise<T> {
    try {
      const { chats, client } = this.#started ?? (await this.#start());
      return await awaitAnswer(this, enter(() => act(chats, client)));
    } catch (error) {
      throw blame(error, site);
    }
  }

  stream<T extends object, O extends StreamOptions>(
    site: CallSite,
    given: () => O | undefined,
    open: (started: Started, options: object) => EventStream,
  ): TypedEventStream<T> {
    let options: StreamOptions = {};
    try {
      options = given() ?? {};
    } catch {
      // Opening reports it.
    }
    const { signal, cursor: store } = options;
    const iterator: EventIterator<T> = new EventIterator<T>(
      {
        open: async (cut) => {
          const started = this.#started ?? (await this.#start());
          const options = { ...given() };
          this.#host.socket ??= await this.#webSocket();
          const cursor = store && (await loadCursor(store, cut));
          if (this.#isClosed) throw closedError();
          return enter(() => open(started, { ...options, cursor }));
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
    refuseAll(this, closedError);
    const started = this.#started;
    attempt(() => started?.client.close());
    // Without a stream there was no connection that could have said so.
    if (this.connection.state !== "closed") this.connection.changed({ state: "closed" });
    this.#started = undefined;
    // Not now: the calls that were ended let go of it in their own turn.
    await Promise.resolve();
    attempt(() => [started?.client, started?.chats, started?.events].forEach((part) => part?.free()));
    for (const end of await Promise.allSettled(streams)) if (end.status === "rejected") throw end.reason;
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

function open(runtime: Runtime, options: ClientOptions): Client {
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
  };
}
