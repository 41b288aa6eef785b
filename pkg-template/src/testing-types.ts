import type { MessagesClient } from "./messages-types.js";
import type { ClientOptions } from "./options.js";
import type { World } from "./world-types.js";

/** Options of `startEmulator`. */
export interface EmulatorOptions {
  /**
   * The path of the gateway's binary. Without it `IM_CHATS_GATEWAY` says it; else it is the `im-chats-gateway` of an npm package
   * (`node_modules/.bin`, of the working directory, of this package, and of the folders above them), else the one on the PATH.
   */
  readonly gateway?: string | undefined;
  /** The operator's token. Without it, one is made up. */
  readonly token?: string | undefined;
  /** The data directory, which stays after `stop()`, so that a second start finds everything again. Without it, a temporary one that `stop()` removes. */
  readonly data?: string | undefined;
  /** Further options of `im-chats-gateway emulator`, such as `--allow-origin`. Without it, none. */
  readonly arguments?: readonly string[] | undefined;
  /** How long it may take until it listens, in milliseconds. Default 30,000. */
  readonly startTimeout?: number | undefined;
}

/** An emulator that runs for a test. */
export interface TestEmulator extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:40123`: for the option `address` of `createClient`. */
  readonly address: string;
  /** The operator's token, which allows everything. */
  readonly token: string;
  /** Plays everybody else. */
  readonly world: World;
  /**
   * A client of `im-chats/messages` with the emulator's address and token. {@link TestEmulator.stop} closes it, so nobody else has to.
   *
   * @param options of `createClient`; `address` and `token` are filled in when they are not given
   * @returns the client
   * @throws ValidationError when an option is wrong, or of code `preconditionFailed` once the emulator is stopped
   *
   * @example
   * const im = server.client();
   * await im.messages.send("any;-;alice@example.com", "Hello!");
   */
  client(options?: Partial<ClientOptions>): MessagesClient;
  /**
   * Closes the clients and ends the emulator: by a drain, and after 3 seconds at once. Its temporary data directory goes with it. Safe to
   * repeat.
   *
   * @returns nothing, once the process has ended
   * @throws IMessageError when a client could not save a cursor; the emulator has ended by then
   *
   * @example
   * afterAll(() => server.stop());
   */
  stop(): Promise<void>;
  /** For `await using`: stops it at the end of the block, as {@link TestEmulator.stop | stop} does. */
  [Symbol.asyncDispose](): Promise<void>;
}
