import type { LinkedEmulator } from "./emulator-link.js";
import type { WasmSource } from "./wasm-source.js";
import type { World } from "./world-types.js";

/** Options of `createEmulator`. */
export interface CreateEmulatorOptions {
  /** What is there at the start: `"demo"` for a handful of chats with messages. Default: nothing. What was kept is not added to. */
  readonly seed?: "demo" | undefined;
  /**
   * The name of the IndexedDB database that keeps what happens, for the next time the page is opened. Default: nothing is kept. What is
   * answered was kept before. Only one page at a time may have a database.
   */
  readonly persist?: string | undefined;
  /** Where the WebAssembly part is, as the option `wasm` of `createClient`; it is a file of its own, `im-chats/emulator/wasm`. Default: the entry finds it. */
  readonly wasm?: WasmSource | Promise<WasmSource> | (() => WasmSource | Promise<WasmSource>) | undefined;
}

/** An iMessage service inside this program: no server, no network, no socket. */
export interface Emulator extends LinkedEmulator, AsyncDisposable {
  /** Plays everybody else. */
  readonly world: World;
  /**
   * Breaks every connection, as a network that fails does. New ones work.
   *
   * @returns once every connection is broken
   * @throws nothing
   *
   * @example
   * await emulator.cut();
   */
  cut(): Promise<void>;
  /**
   * Ends every connection as a service does that is started again. What is there stays.
   *
   * @returns once every connection is closed
   * @throws nothing
   *
   * @example
   * await emulator.restart();
   */
  restart(): Promise<void>;
  /**
   * Moves the emulator's clock on and does what is due by it. The clock is otherwise that of `Date`; the timers of clients are their own.
   *
   * @param ms how far, in milliseconds
   * @returns once all is done that is due by then
   * @throws ValidationError when `ms` is not a number of milliseconds
   *
   * @example
   * await emulator.advance(60_000);
   */
  advance(ms: number): Promise<void>;
  /**
   * Ends every connection, and the emulator. What was kept stays kept. Doing it again does nothing.
   *
   * @returns once it is over
   * @throws nothing
   *
   * @example
   * await emulator.close();
   */
  close(): Promise<void>;
}

/** What makes an emulator: the type of `createEmulator`. */
export interface CreateEmulator {
  /**
   * Starts an iMessage service inside this program, for tests, demos and pages without a server. Hand it to `createClient` as its address.
   *
   * @param options what is there at the start, and whether it is kept
   * @returns the emulator, once it runs
   * @throws ValidationError when an option is wrong or unknown, or `persist` is set where there is no IndexedDB
   * @throws IMessageError of code `databaseError` when the database is not one of an emulator, or cannot be read
   *
   * @example
   * const emulator = await createEmulator({ seed: "demo" });
   * const im = createClient({ address: emulator });
   * await emulator.world.receive({ from: "alice@example.com", text: "Hello" });
   */
  (options?: CreateEmulatorOptions): Promise<Emulator>;
}
