// What a call led to, in a form that outcomes of different SDKs, against different servers, can be compared in.

/** Runs a call and keeps what it gave, or the error. */
export async function outcomeOf(module, call) {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: describe(module, error) };
  }
}

/** Everything of an error that a program can read. */
export function describe(module, error) {
  const known = ["AuthenticationError", "NotFoundError", "RateLimitError", "ValidationError", "ConnectionError", "IMessageError"];
  const details = { class: known.find((name) => error instanceof module[name]) ?? error?.constructor?.name ?? typeof error };
  for (const name of ["name", "message", "code", "grpcCode", "retryable", "context", "retryAfter", "source", "requestId"]) {
    details[name] = error?.[name];
  }
  return details;
}

/** What a call that failed shows of itself, in a few words. */
export const refusal = ({ error }) => (error ? [error.class, error.code, error.context?.field].filter(Boolean).join(", ") : "no error");

const UUID = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/gi;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/**
 * Replaces what is different in every run by what is not: random ids by the order in which they appear, and times of this run
 * by one fixed time of the same type. Everything else stays.
 */
export class Stable {
  #ids = new Map();
  #since = Date.now() - 1_000;

  read(value, key = "") {
    if (value instanceof Date) return this.#isNow(value) ? new Date(0) : value;
    if (typeof value === "string") return this.#text(value, key);
    if (Array.isArray(value)) return value.map((item) => this.read(item));
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    // In the order of the alphabet, so that the same id gets the same number whatever the order of the keys.
    const keys = Object.keys(value).sort();
    return Object.fromEntries(keys.map((key) => [key, this.read(value[key], key)]));
  }

  #text(text, key) {
    if (RFC_3339.test(text)) return this.#isNow(new Date(text)) ? new Date(0).toISOString() : text;
    // A request id is another one for every call, and not every transport tells it.
    if (key === "requestId") return "a request id";
    return text.replace(UUID, (id) => {
      if (!this.#ids.has(id)) this.#ids.set(id, `id ${this.#ids.size + 1}`);
      return this.#ids.get(id);
    });
  }

  #isNow(time) {
    return time >= this.#since && time <= Date.now() + 1_000;
  }
}

/** In place of a key that is not there. */
export const ABSENT = Symbol("absent");

/** Where two values differ: `{ path, theirs, ours }`, leaf by leaf. A key that is not there is {@link ABSENT}. */
export function* differences(theirs, ours, path = "") {
  if (Object.is(theirs, ours)) return;
  if (isPlain(theirs) && isPlain(ours)) {
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const side = (value) => (Object.hasOwn(value, key) ? value[key] : ABSENT);
      yield* differences(side(theirs), side(ours), path === "" ? key : `${path}.${key}`);
    }
    return;
  }
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length) {
    for (const [index, item] of theirs.entries()) yield* differences(item, ours[index], `${path}[${index}]`);
    return;
  }
  yield { path, theirs, ours };
}

const isPlain = (value) => value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
