import type { WebSocketConstructor } from "./host.js";

/** How a client reaches an emulator that is in the same page. @internal */
export interface EmulatorLink {
  /** What stands in errors in the place of an address. */
  readonly address: string;
  /** The token that may do everything. */
  readonly token: string;
  /** In the place of the runtime's own, as far as the client uses it. */
  readonly fetch: (url: string, init: RequestInit) => Promise<object>;
  readonly socket: WebSocketConstructor;
}

/** Not `instanceof`: a program may have two copies of the package, and the emulator is in a module of its own anyway. @internal */
export const EMULATOR = Symbol.for("im-chats.emulator");

/** An emulator of `im-chats/emulator`, as an address. */
export interface LinkedEmulator {
  /** What stands in errors in the place of an address. */
  readonly address: string;
  /** The token that a client takes which is given none. */
  readonly token: string;
}

/** The link of an emulator; undefined for any other address. @internal */
export function linkOf(address: unknown): EmulatorLink | undefined {
  return typeof address === "object" && address !== null ? (address as { [EMULATOR]?: EmulatorLink })[EMULATOR] : undefined;
}
