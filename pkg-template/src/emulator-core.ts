import type { Engine } from "./engine.js";
import { DEMO } from "./emulator-demo.js";
import { EMULATOR, type EmulatorLink } from "./emulator-link.js";
import { socketOf, type Carrier, type Line } from "./emulator-socket.js";
import { EmulatorStore, freshLog } from "./emulator-store.js";
import type { CreateEmulator, Emulator, CreateEmulatorOptions } from "./emulator-types.js";
import { checkGlobals } from "./environment.js";
import { blame, callSite, invalid, precondition } from "./errors.js";
import { failureOf } from "./failure.js";
import { checkKeys } from "./options.js";
import { asyncDispose } from "./stream.js";
import type { Trap } from "./trap.js";
import { wasmLoader, type ReadUrl, type WasmLoader } from "./wasm-source.js";
import type { PageEmulator, PageSocket } from "./wasm/emulator.js";
import { worldOf } from "./world.js";
import type { World } from "./world-types.js";

/** What each runtime's entry provides. @internal */
export interface EmulatorRuntime {
  /** What the entry runs. */
  readonly engine: Engine<{ PageEmulator: typeof PageEmulator; __wbg_set_wasm(exports: WebAssembly.Exports): void }>;
  /** The wasm, in any form that {@link WasmLoader} allows. */
  readonly wasm: WasmLoader;
  /** How it reads an address that its `fetch` does not know. */
  readonly readUrl?: ReadUrl;
}

/** In the place of an address. The name can be nobody's. */
const ADDRESS = "http://emulator.invalid";

/** In the place of a secret: whoever has the page has the emulator. */
const TOKEN = "emulator";

/** The longest wait that a timer takes. */
const MAX_TIMER_MS = 2_147_483_647;

/** A request, as far as the client makes them. */
interface Init {
  readonly method?: string;
  readonly headers?: { forEach(visit: (value: string, name: string) => void): void };
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Makes the `createEmulator` of one runtime. @internal */
export function emulatorFactory(runtime: EmulatorRuntime): CreateEmulator {
  return async function createEmulator(options: CreateEmulatorOptions = {}) {
    const site = callSite(createEmulator);
    try {
      checkKeys(options, "options", ["seed", "persist", "wasm"]);
      const { seed, persist, wasm } = options;
      if (seed !== undefined && seed !== "demo") throw invalid("seed", 'expected "demo"');
      if (persist !== undefined && (typeof persist !== "string" || persist === "")) throw invalid("persist", "expected the name of an IndexedDB database");
      if (persist !== undefined && typeof indexedDB === "undefined") throw invalid("persist", "this runtime has no IndexedDB");
      checkGlobals("TextDecoder", "TextEncoder", "WebAssembly", "crypto");
      await runtime.engine.start(wasm === undefined ? runtime : { wasm: wasmLoader(wasm, runtime.readUrl) });
      const store = persist === undefined ? undefined : await EmulatorStore.open(persist);
      try {
        const emulator = new InPage(runtime.engine, store);
        if (seed === "demo" && !store?.found.entries.length) await DEMO(emulator.world);
        return emulator;
      } catch (error) {
        store?.close();
        throw error;
      }
    } catch (error) {
      throw blame(error, site);
    }
  };
}

/** The emulator of a page. */
class InPage implements Emulator {
  readonly address: string = ADDRESS;
  readonly token: string = TOKEN;
  readonly world: World;
  readonly [EMULATOR]: EmulatorLink;
  readonly #trap: Trap;
  readonly #store: EmulatorStore | undefined;
  readonly #lines = new Set<Line>();
  #page: PageEmulator | undefined;
  #closing: Promise<void> | undefined;
  /** How far `advance` has moved the clock. */
  #ahead = 0;
  /** While `advance` is at a moment before the one that it was asked for, that moment. */
  #moment: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;

  constructor(engine: EmulatorRuntime["engine"], store: EmulatorStore | undefined) {
    this.#trap = engine;
    this.#store = store;
    const { log, entries, blobs } = store?.found ?? { log: freshLog(), entries: [], blobs: [] };
    const keep = store && ((first: number, texts: string[], deeds: unknown[][]) => store.keep(first, texts, deeds));
    try {
      this.#page = engine.enter(() => new engine.glue.PageEmulator(log, TOKEN, this.#now(), entries, blobs, keep));
    } catch (why) {
      throw typeof why === "string" && store ? store.unreadable(why) : why;
    }
    const carrier: Carrier = {
      open: (line, agreed) => this.#open(line, agreed),
      enter: (act) => this.#enter(act),
      moved: () => this.#moved(),
      ended: (line) => void this.#lines.delete(line),
    };
    this[EMULATOR] = { address: ADDRESS, token: TOKEN, fetch: (url, init) => this.#fetch(url, init as Init), socket: socketOf(carrier) };
    this.world = worldOf((path, body) => this.#call(path, body));
  }

  async cut(): Promise<void> {
    for (const line of [...this.#lines]) line.cut("the emulator cut the connection");
  }

  async restart(): Promise<void> {
    const lines = [...this.#lines];
    await Promise.all(lines.map((line) => line.tell((page) => page.drain())));
    // Who has not said a word yet has nothing to finish.
    for (const line of lines) line.cut("the emulator was started again");
  }

  async advance(ms: number): Promise<void> {
    if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 0) throw blame(invalid("ms", "expected milliseconds, 0 or more"), callSite(this.advance));
    const end = this.#now() + ms;
    // Each moment at which something is due by itself: a heartbeat of an hour ago is not one of now.
    for (let due = this.#nextDue(); due <= end; due = this.#nextDue()) {
      this.#moment = Math.max(due, this.#now());
      await this.#tick();
      if (this.#nextDue() <= due) break;
    }
    this.#moment = undefined;
    this.#ahead += ms;
    await this.#tick();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.restart();
    const page = this.#page as PageEmulator;
    this.#page = undefined;
    clearTimeout(this.#timer);
    this.#store?.close();
    // Not now: answers that are under way still use it.
    await undefined;
    this.#trap.attempt(() => page.free());
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(line: Line, agreed: boolean): PageSocket | string {
    const page = this.#page;
    const socket = page && this.#enter(() => page.open(agreed));
    if (!socket) return "the emulator is closed";
    this.#lines.add(line);
    return socket;
  }

  #enter<T>(act: () => T): T | undefined {
    const page = this.#page;
    return this.#trap.attempt(() => {
      page?.set(this.#now());
      return act();
    });
  }

  /** A real timer for what is due next, so that heartbeats come also where nobody moves the clock. */
  #moved(): void {
    const due = this.#nextDue();
    if (due === this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    if (due === Infinity || !this.#page) return;
    this.#timer = setTimeout(() => {
      this.#due = Infinity;
      void this.#tick();
    }, Math.min(Math.max(due - this.#now(), 1), MAX_TIMER_MS));
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #now(): number {
    return this.#moment ?? Date.now() + this.#ahead;
  }

  #nextDue(): number {
    return Math.min(Infinity, ...Array.from(this.#lines, (line) => line.deadline()));
  }

  /** Tells every socket that time has passed, or that the log has moved. */
  async #tick(): Promise<void> {
    await Promise.all(Array.from(this.#lines, (line) => line.tell((page) => page.tick())));
    this.#moved();
  }

  /** Sends a request and gives the answer as the client reads it: like a `Response`, whose own waits for more than promises in Node. */
  async #fetch(url: string, { method = "GET", headers, body, signal }: Init): Promise<object> {
    if (signal?.aborted) throw signal.reason;
    const pairs: string[] = [];
    headers?.forEach((value, name) => pairs.push(name, value));
    const { status, headers: answered, bytes } = await this.#request(method, url.slice(ADDRESS.length), pairs, body);
    const text = () => new TextDecoder().decode(bytes);
    return {
      ok: status >= 200 && status < 300,
      status,
      headers: { get: (name: string) => answered.get(name.toLowerCase()) ?? null },
      text: async () => text(),
      json: async () => JSON.parse(text()) as unknown,
      arrayBuffer: async () => bytes.slice().buffer,
    };
  }

  /** A call of the control plane. */
  async #call(path: string, body: object | undefined): Promise<unknown> {
    if (!this.#page) throw precondition("the emulator is closed; make another one with createEmulator");
    const headers = ["authorization", `Bearer ${TOKEN}`];
    if (body) headers.push("content-type", "application/json");
    const { status, bytes } = await this.#request(body ? "POST" : "GET", path, headers, body && JSON.stringify(body));
    const answer = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    if (status >= 400) throw failureOf(status, answer);
    return answer;
  }

  async #request(method: string, path: string, headers: string[], body: unknown): Promise<Answered> {
    const page = this.#page;
    if (!page) throw new TypeError("the emulator is closed");
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : (body as Uint8Array | undefined);
    const asked = this.#trap.enter(() => {
      page.set(this.#now());
      return page.request(method, path, headers, bytes);
    });
    const [status, pairs, answer] = (await this.#trap.awaitAnswer(this, asked as Promise<unknown>)) as [number, string[], Uint8Array];
    void this.#tick();
    const named = new Map<string, string>();
    for (let index = 0; index < pairs.length; index += 2) named.set(pairs[index] as string, pairs[index + 1] as string);
    return { status, headers: named, bytes: answer };
  }
}

interface Answered {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}
