import { checkStore } from "./cursor-store.js";
import { invalid, isOurs, messageOf } from "./errors.js";
import { checkKeys } from "./options.js";

// What a user hands in is read once, before the method returns: a later change is not seen, and the wasm side, which may not have
// started yet, sees plain values only. Reading anything else can run code of the user's, and nothing of that may throw through it.

// These are the limits of `protocol/src/limits.rs`; `gateway/tests/documented.rs` compares.

/** The largest image; a larger one is refused unread. */
const MAX_IMAGE_BYTES = 20_971_520;

/** How many addresses a create takes; the wasm side refuses more, and far fewer chats of a token. */
const MAX_ADDRESSES = 1_024;

/** The largest body of a request, an image aside. A text that alone is longer would only fill the memory of the wasm side. */
const MAX_BODY_BYTES = 262_144;

/** Does something now; what it gives, or throws, is given or thrown later, as often as it is asked for. @internal */
export function now<T>(act: () => T): () => T {
  try {
    const value = act();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** The options of a method: those of `known`, and `signal`. Undefined is none at all. @internal */
export function readOptions<O extends object>(
  options: O | undefined,
  known: readonly (keyof O & string)[] = [],
  readValue: <T>(name: string, value: T) => unknown = readOption,
): O | undefined {
  if (options === undefined) return undefined;
  const names = [...known, "signal"] as (keyof O & string)[];
  read("options", () => checkKeys(options, "options", names));
  const values: Partial<O> = {};
  for (const name of names) {
    const value = read(name, () => readValue(name, options[name]));
    if (value !== undefined) values[name] = value as O[typeof name];
  }
  return values as O;
}

/** An option as the wasm side may see it. @internal */
export function readOption<T>(name: string, value: T): T {
  if (name === "signal" && isSignal(value)) return value;
  if (name === "onGap" && typeof value === "function") return value;
  if (name === "scope" || name === "chats" || name === "types") return copyList(name, value as readonly unknown[]) as T;
  if (name !== "cursor") return plain(name, value);
  checkStore(value);
  return value;
}

/** A copy of a list of texts, as far as the wasm side needs it to see what is wrong: to the first item that is none, or is too many. */
function copyItems<T>(name: string, list: readonly T[]): T[] {
  const copy: T[] = [];
  let length = 0;
  for (let index = 0; index < list.length && index <= MAX_ADDRESSES; index++) {
    const field = `${name}[${index}]`;
    const item = plain(field, read(field, () => list[index] as T));
    copy.push(item);
    if (typeof item !== "string") break;
    // With its quotes and its comma.
    length += item.length + 3;
    checkLength(name, length);
  }
  return copy;
}

/** A list of texts; anything else as {@link plain} gives it. @internal */
export function copyList<T>(name: string, value: readonly T[]): readonly T[] {
  return read(name, () => (Array.isArray(value) ? copyItems<T>(name, value) : plain(name, value)));
}

/** Bytes, which are not copied above `limit`; anything else as {@link plain} gives it. @internal */
export function copyBytes<T>(name: string, value: T, limit: number = MAX_IMAGE_BYTES): T | Uint8Array {
  return read(name, () => bytes(value, limit) ?? plain(name, value));
}

/** A copy of the bytes of a view – only of those it shows – or a buffer; undefined when it is neither. */
function bytes(value: unknown, limit: number): Uint8Array | undefined {
  let shown: Uint8Array;
  if (ArrayBuffer.isView(value)) {
    shown = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  } else {
    // By what it is called: a buffer may come from another frame or realm. One that was transferred has nothing left in it.
    if (!/^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))) return undefined;
    const buffer = value as ArrayBuffer;
    shown = buffer.byteLength ? new Uint8Array(buffer) : new Uint8Array(0);
  }
  return shown.length > limit ? shown : shown.slice();
}

/** A value of which nothing is read but its type, unless it is a text, a number, or true or false: what stands in is of that type. @internal */
export function plain<T>(field: string, value: T): T {
  if (typeof value === "string") checkLength(field, value.length);
  // The stand-in has the same wrong type, so the wasm reports it.
  if (typeof value === "function") return (() => {}) as T;
  if (typeof value !== "object" || value === null) return value;
  try {
    return (Array.isArray(value) ? [] : {}) as T;
  } catch {
    // A proxy that was revoked.
    return {} as T;
  }
}

function checkLength(field: string, length: number): void {
  // No character takes less than a byte.
  if (length > MAX_BODY_BYTES) throw invalid(field, `too long; a request has at most ${MAX_BODY_BYTES} bytes`);
}

/** By its shape and not its class: a polyfill's signal, or one of another realm, is as good. @internal */
export function isSignal(value: unknown): value is AbortSignal {
  const { aborted, addEventListener } = Object(value) as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

/** Reads something of the user's, which may run the user's code. @internal */
export function read<T>(field: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (isOurs(cause)) throw cause;
    throw invalid(field, `could not be read: ${messageOf(cause)}`, cause);
  }
}
