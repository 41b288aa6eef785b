import { asError, isOtherLog, type Source } from "./inbox-source.js";
import { guarded } from "./inbox-view.js";
import type { TypedEventStream } from "./stream.js";
import type { LiveEvent } from "./wasm/im_chats.js";

/** How long the stream stays open without anybody who needs it: a view that is left is often watched once more at once. */
const LINGER_MS = 1_000;

/** How many events are kept for a handler that comes a little later. */
const MAX_RECENT = 2_048;

/** What the stream tells of. @internal */
export interface LiveOwner {
  /** An event came. */
  take(event: LiveEvent): void;
  /** Events are missing: everything has to be read again. */
  lost(): void;
  /** The stream is over, and stays so until {@link Live.restart}. */
  failed(error: Error): void;
  /** Nobody needs the stream any more, and it is closed. */
  idle(): void;
}

interface Handler {
  readonly guid: string | undefined;
  readonly call: (event: LiveEvent) => void;
}

/** The one event stream, open while somebody needs it. @internal */
export class Live {
  /** How many events came so far. */
  position = 0;
  /** Why there is no stream. */
  error: Error | undefined;
  readonly #source: Source;
  readonly #owner: LiveOwner;
  readonly #handlers = new Set<Handler>();
  readonly #recorders = new Set<LiveEvent[]>();
  #recent: LiveEvent[] = [];
  #users = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #stream: TypedEventStream<LiveEvent> | undefined;
  #ready: Promise<boolean> | undefined;
  #cursor: string | undefined;
  #isClosed = false;

  constructor(source: Source, owner: LiveOwner) {
    this.#source = source;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#stream !== undefined;
  }

  /** Needs the stream, until what it gives is called. */
  acquire(): () => void {
    if (this.#isClosed) return () => {};
    this.#users += 1;
    clearTimeout(this.#linger);
    if (!this.#stream && !this.error) this.#open();
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#users -= 1;
      if (this.#users === 0) this.#leave();
    };
  }

  #leave(): void {
    const rest = () => {
      // A stream that failed is tried again by the next who needs it.
      this.error = undefined;
      this.#cursor = undefined;
      this.#end();
      this.#owner.idle();
    };
    if (this.error) return rest();
    this.#linger = setTimeout(rest, LINGER_MS);
    (this.#linger as { unref?: () => void }).unref?.();
  }

  /** Whether the stream is attached by now, and what is read from now on cannot be too old; false when it failed before that. */
  async ready(): Promise<boolean> {
    // Reopened while somebody waits, as after the log changed.
    for (let waited: Promise<boolean> | undefined; waited !== this.#ready; ) {
      waited = this.#ready;
      if (await waited) return true;
    }
    return false;
  }

  /** Opens the stream again that failed. */
  restart(): void {
    if (this.#isClosed || !this.error) return;
    this.error = undefined;
    if (this.#users > 0) this.#open();
  }

  #open(): void {
    const after = this.#cursor;
    let stream: TypedEventStream<LiveEvent>;
    try {
      stream = this.#source.events.subscribe({ onGap: () => this.#stream === stream && this.#owner.lost(), ...(after !== undefined && { after }) });
    } catch (error) {
      this.#ready = Promise.resolve(false);
      this.error = asError(error);
      return this.#owner.failed(this.error);
    }
    this.#stream = stream;
    this.#ready = stream.ready.then(
      () => this.#stream === stream,
      () => false,
    );
    if (after === undefined) this.#owner.lost();
    void this.#run(stream);
  }

  async #run(stream: TypedEventStream<LiveEvent>): Promise<void> {
    let error: unknown;
    try {
      for await (const event of stream) {
        if (this.#stream !== stream) return;
        this.#take(event);
      }
      error = new Error("the event stream ended, as the client was closed");
    } catch (thrown) {
      error = thrown;
    }
    if (this.#stream !== stream) return;
    const hadCursor = this.#cursor !== undefined || stream.cursor !== undefined;
    this.#cursor = stream.cursor ?? this.#cursor;
    this.#stream = undefined;
    if (hadCursor && isOtherLog(error)) {
      this.#cursor = undefined;
      return this.#open();
    }
    this.error = asError(error);
    this.#owner.failed(this.error);
  }

  #take(event: LiveEvent): void {
    this.position += 1;
    this.#recent.push(event);
    if (this.#recent.length > 2 * MAX_RECENT) this.#recent = this.#recent.slice(-MAX_RECENT);
    for (const recorder of this.#recorders) recorder.push(event);
    this.#owner.take(event);
    for (const handler of [...this.#handlers]) {
      if (this.#handlers.has(handler) && isFor(handler, event)) guarded(() => handler.call(event));
    }
  }

  /** Keeps the events that come until what it gives is called, which gives them. */
  record(): () => readonly LiveEvent[] {
    const events: LiveEvent[] = [];
    this.#recorders.add(events);
    return () => {
      this.#recorders.delete(events);
      return events;
    };
  }

  /** Calls `call` for every event; also for those that came after `position`, while they are remembered. */
  listen(guid: string | undefined, call: (event: LiveEvent) => void, position: number = this.position): () => void {
    const handler: Handler = { guid, call };
    const missed = this.position - position;
    if (missed > 0) for (const event of this.#recent.slice(-missed)) if (isFor(handler, event)) guarded(() => call(event));
    const release = this.acquire();
    this.#handlers.add(handler);
    return () => {
      this.#handlers.delete(handler);
      release();
    };
  }

  #end(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#ready = undefined;
    this.#recent = [];
    stream?.close().catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#linger);
    this.#handlers.clear();
    this.#recorders.clear();
    this.#end();
  }
}

function isFor({ guid }: Handler, event: LiveEvent): boolean {
  return guid === undefined || event.chatGuid === guid;
}
