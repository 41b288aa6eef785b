import type { WebSocketConstructor } from "./host.js";
import type { PageSocket } from "./wasm/emulator.js";

/** What carries sockets: the emulator that they belong to. @internal */
export interface Carrier {
  /** The emulator's end of a new socket; why there is none, when it is closed. */
  open(line: Line, agreed: boolean): PageSocket | string;
  /** Enters the wasm with the right time; undefined when it trapped. */
  enter<T>(act: () => T): T | undefined;
  /** A line's deadlines may be others now. */
  moved(): void;
  /** It is over. */
  ended(line: Line): void;
}

type Listener = ((event: object) => void) | null;

/** Close codes that no frame carries. */
const CUT = 1006;

/** The subprotocol that both ends speak. */
const SUBPROTOCOL = "im.events.v1.json";

/** One socket: what both ends have to say to each other goes by promise turns, so that no test's clock stops it. @internal */
export class Line {
  readyState = 0;
  readonly protocol: string;
  readonly url: string;
  onopen: Listener = null;
  onmessage: Listener = null;
  onerror: Listener = null;
  onclose: Listener = null;
  readonly #carrier: Carrier;
  #page: PageSocket | undefined;
  /** Frames of the client that the emulator has yet to take. */
  readonly #waiting: string[] = [];
  #running: Promise<void> | undefined;
  /** Whether something came while it ran. */
  #again = false;

  constructor(carrier: Carrier, url: string, protocol: string) {
    this.#carrier = carrier;
    this.url = url;
    this.protocol = protocol;
    void this.#open();
  }

  /** As a WebSocket's, of a text. */
  send(text: string): void {
    if (this.readyState !== 1) return;
    this.#waiting.push(text);
    void this.run();
  }

  /** As a WebSocket's. */
  close(code = 1005): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    void Promise.resolve().then(() => this.#end(code, ""));
  }

  /** As that of `ws`. */
  terminate(): void {
    this.#end(CUT, "");
  }

  /** The connection breaks, as seen by both ends. */
  cut(why: string): void {
    if (this.readyState === 0) this.onerror?.({ message: why });
    this.#end(CUT, "");
  }

  /** Something happened to the emulator's end. */
  tell(act: (page: PageSocket) => void): Promise<void> {
    const page = this.#page;
    if (page) this.#carrier.enter(() => act(page));
    return this.run();
  }

  /** When time is to be told, in milliseconds since 1970. */
  deadline(): number {
    const page = this.#page;
    return (page && this.#carrier.enter(() => page.deadline())) ?? Infinity;
  }

  /** Carries everything over that waits on either side. */
  run(): Promise<void> {
    this.#again = true;
    return (this.#running ??= this.#carry().finally(() => {
      this.#running = undefined;
      this.#carrier.moved();
    }));
  }

  async #open(): Promise<void> {
    await undefined;
    if (this.readyState !== 0) return;
    const page = this.#carrier.open(this, this.protocol === SUBPROTOCOL);
    if (typeof page === "string") return this.cut(page);
    this.#page = page;
    this.readyState = 1;
    this.onopen?.({});
    await this.run();
  }

  async #carry(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      // Whoever sends has its own turn first.
      await undefined;
      while (this.#step()) await undefined;
    }
  }

  /** Carries one thing over; whether there was one. */
  #step(): boolean {
    const page = this.#page;
    if (!page || this.readyState > 2) return false;
    const next = this.#carrier.enter(() => page.next()) as [string | number, number | string] | undefined;
    if (next) {
      const [first, second] = next;
      if (typeof first === "number") {
        this.#end(first, String(second));
        return false;
      }
      if (this.readyState === 1) this.onmessage?.({ data: first });
      // The listener may have ended it.
      if (this.#page) this.#carrier.enter(() => page.written(second as number));
      return true;
    }
    const [text] = this.#waiting;
    if (text === undefined || !this.#carrier.enter(() => page.takesFrames())) return false;
    this.#waiting.shift();
    this.#carrier.enter(() => page.receive(text));
    return true;
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    const page = this.#page;
    this.#page = undefined;
    if (page) this.#carrier.enter(() => page.free());
    this.#carrier.ended(this);
    this.onclose?.({ code, reason, wasClean: code !== CUT });
  }
}

/** The WebSocket class of an emulator. @internal */
export function socketOf(carrier: Carrier): WebSocketConstructor {
  return class extends Line {
    constructor(url: string, protocol: string) {
      super(carrier, url, protocol);
    }
  };
}
