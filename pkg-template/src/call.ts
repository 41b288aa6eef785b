import { base64 } from "./base64.js";
import { ConnectionError, ErrorCode, IMessageError, invalid, make } from "./errors.js";
import { abortReason, onAbort } from "./host.js";
import type { Settings } from "./options.js";
import { answerFields, whyUnreachable } from "./probe.js";
import { checkToken, readToken } from "./token.js";
import { retryDelay, type Core } from "./wasm/im_chats.js";

/** A unary call, checked and ready to be sent; `PreparedCall` in `src/call.rs` makes it. @internal */
export interface Call {
  readonly url: string;
  /** The number of its route, for `Core.answer`. */
  readonly route: number;
  /** The body of a write; undefined for a read. */
  readonly fields?: object;
  readonly image?: Uint8Array;
  /** The user's own idempotency key. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** The longest that a server's `Retry-After` is obeyed; the call's own timeout ends it earlier. */
const MAX_RETRY_AFTER_MS = 30_000;

/** Cancels one operation: its user's signal, its timeout or its client's end. @internal */
export interface Ending {
  /** Aborted by `end`. */
  readonly signal: AbortSignal;
  /** Rejects with `reason`, at once. */
  end(reason: unknown): void;
  /** Called when the operation is over, however it ended; may be called again. */
  readonly stops: (() => void)[];
}

/** Sends a call and retries it, until its timeout or until the user's signal aborts. @internal */
export function carryOut(core: Core, call: Call, settings: Settings, ending: Ending): Promise<unknown> {
  const { signal } = call;
  if (signal?.aborted) throw abortReason(signal);
  if (signal) ending.stops.push(onAbort(signal, () => ending.end(abortReason(signal))));
  const waiting: Waiting = { for: settings.baseUrl };
  const late = () => ending.end(failed(ErrorCode.timeout, 4, `no answer from ${waiting.for} within ${settings.timeout} ms`));
  const timer = setTimeout(late, settings.timeout);
  ending.stops.push(() => clearTimeout(timer));
  return attempts(core, call, settings, ending.signal, waiting);
}

/** What a call waits for, in words. */
interface Waiting {
  for: string;
}

async function attempts(core: Core, call: Call, settings: Settings, signal: AbortSignal, waiting: Waiting): Promise<unknown> {
  const isWrite = call.fields !== undefined;
  // One key per logical write: its retries carry the same key, so the service does the write once.
  const key = call.key ?? (isWrite && settings.autoIdempotency ? idempotencyKey() : undefined);
  const body = call.fields && json(call.fields, call.image);
  for (let failures = 1; ; failures++) {
    let token: string;
    if (typeof settings.token === "string") {
      token = checkToken(settings.token);
    } else {
      waiting.for = "the token function";
      token = await readToken(settings.token);
      waiting.for = settings.baseUrl;
    }
    try {
      return core.answer(call.route, await exchange(settings.baseUrl, call.url, headers(settings, token, key, isWrite), body, signal));
    } catch (error) {
      const retryable = error instanceof IMessageError && error.retryable && failures < settings.maxAttempts;
      // A write without a key might be done twice, so it is never sent twice.
      if (!retryable || (isWrite && key === undefined) || signal.aborted) throw error;
      const delay = Math.min(error.retryAfter ?? Infinity, MAX_RETRY_AFTER_MS);
      await sleep(error.retryAfter === undefined ? retryDelay(failures, settings.initialDelay, settings.maxDelay) : delay, signal);
    }
  }
}

function headers(settings: Settings, token: string, key: string | undefined, isWrite: boolean): Record<string, string> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (settings.server !== undefined) headers["x-photon-server"] = settings.server;
  // A header would refuse or change any other key. Only a create takes a key from the user, and its body carries it unchanged.
  if (key !== undefined && /^[\x21-\x7e]+$/.test(key)) headers["x-idempotency-key"] = key;
  if (isWrite) headers["content-type"] = "application/json";
  return headers;
}

/** The runtime encodes the image: that is faster, and wasm memory, which never shrinks, does not grow with it. */
function json(fields: object, image: Uint8Array | undefined): string {
  const text = JSON.stringify(fields);
  if (!image) return text;
  try {
    return `${text.slice(0, -1)},"data":"${base64(image)}"}`;
  } catch {
    throw invalid("data", "the image is too large for this runtime");
  }
}

/** One request, and its answer as `Core.answer` takes it. */
async function exchange(
  baseUrl: string,
  url: string,
  headers: Record<string, string>,
  body: string | undefined,
  signal: AbortSignal,
): Promise<object> {
  try {
    const response = await fetch(url, body === undefined ? { headers, signal } : { method: "POST", headers, body, signal });
    const { ok, status } = response;
    let parsed: { body?: unknown; cause?: unknown };
    try {
      parsed = { body: await response.json() };
    } catch (cause) {
      // Wrong JSON is a response. A success that broke off is not.
      if (ok && !(cause instanceof SyntaxError)) throw cause;
      parsed = { cause };
    }
    if (ok) return { ok, ...parsed };
    return { ok, ...parsed, ...answerFields(status, (name) => response.headers.get(name)) };
  } catch (cause) {
    throw failed(ErrorCode.networkError, 14, `${baseUrl} could not be reached, or the connection broke: ${whyUnreachable(cause)}`, cause);
  }
}

function failed(code: ErrorCode, grpcCode: number, message: string, cause?: unknown): ConnectionError {
  return make(ConnectionError, message, { code, grpcCode, retryable: true, cause });
}

function sleep(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(wake, delay);
    const stop = onAbort(signal, wake);
  });
}

function idempotencyKey(): string {
  // Node 18 has no global `crypto`, and pages without TLS no `randomUUID`.
  const { crypto } = globalThis as { crypto?: Pick<Crypto, "getRandomValues"> & Partial<Pick<Crypto, "randomUUID">> };
  if (crypto?.randomUUID) return crypto.randomUUID();
  const bytes = new Uint8Array(16);
  // A key only has to be unlike the account's other recent keys, not secret.
  if (crypto) crypto.getRandomValues(bytes);
  else bytes.forEach((_, index) => (bytes[index] = Math.random() * 256));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // A version 4 UUID, as the service's own SDK sends.
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");
}
