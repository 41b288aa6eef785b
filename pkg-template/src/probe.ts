/** Why a socket did not open, or closed; `src/refusal.rs` reads it. @internal */
export interface Reason extends Partial<AnswerFields> {
  /** In words. */
  readonly message?: string;
  /** The runtime's own error. */
  readonly cause?: unknown;
  /** The parsed body of an answer. */
  readonly body?: unknown;
}

/** What an answer that is no success tells beside its body. @internal */
export interface AnswerFields {
  readonly status: number;
  /** As it came; a number of seconds. */
  readonly retryAfter: string | undefined;
  /** The same where it is a date, in milliseconds from now; NaN where it is none. */
  readonly retryAt: number;
  readonly requestId: string | undefined;
  /** Where a redirect leads. */
  readonly location: string | undefined;
}

/** @internal */
export function answerFields(status: number, header: (name: string) => string | null | undefined): AnswerFields {
  const retryAfter = header("retry-after") ?? undefined;
  return {
    status,
    retryAfter,
    retryAt: Math.max(0, Date.parse(retryAfter ?? "") - Date.now()),
    requestId: header("x-request-id") ?? undefined,
    location: header("location") ?? undefined,
  };
}

/** Of what a TLS library or a parser says when the other side speaks the other protocol, and what to do then. */
const OTHER_SCHEME: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long|EPROTO|InvalidContentType/, "the server speaks no TLS there: use an http:// address, or tls: false"],
  [/Expected HTTP\//, "the server may expect TLS: use an https:// address"],
];

/** The words of a network error, in one line; undefined when the runtime gives none. @internal */
export function networkReason(error: unknown): string | undefined {
  const { code, errors = [], message } = Object(error) as { code?: string; errors?: Error[]; message?: string };
  // A host with several addresses fails with one error for each, and no words of its own.
  const text = (message || errors.map((each) => each.message).join("; ") || code)?.trim().replace(/\s+/g, " ");
  const hint = OTHER_SCHEME.find(([pattern]) => pattern.test(`${text} ${code}`));
  return hint ? `${hint[1]} (${code ?? text})` : text;
}

/** Why `fetch` failed. Node hides the reason one level down; a page gets no reason, so both usual ones are named. @internal */
export function whyUnreachable(cause: unknown): string {
  const { cause: inner, message } = Object(cause) as { cause?: unknown; message?: string };
  if (inner !== undefined) return networkReason(inner) ?? "no reason is known";
  const { location } = globalThis as { location?: { origin?: string } };
  return location?.origin
    ? `no server answers, or it is not a gateway that allows pages of ${location.origin} (--allow-origin)`
    : message || "no reason is known";
}

/** How long the answer may take. */
const PROBE_MS = 3_000;

/**
 * Finds out why a WebSocket did not open, where the runtime does not say: asks the same server for `/healthz`, which needs no
 * token and tells pages of every origin whether they are refused.
 * @internal
 */
export async function probe(socketUrl: string): Promise<Reason> {
  const url = socketUrl.replace(/^ws/, "http").replace(/\/v1\/events$/, "/healthz");
  const { origin } = new URL(url);
  const controller = new AbortController();
  const { signal } = controller;
  const timer = setTimeout(() => controller.abort(), PROBE_MS);
  const foreign = { message: `${origin} answers, but it is not an im-chats gateway` };
  try {
    const response = await fetch(url, { signal });
    // The gateway's mark, which also its refusals carry.
    if (!response.headers.get("x-spectrum-middleware")) return foreign;
    if (response.status === 403) {
      return { ...answerFields(403, (name) => response.headers.get(name)), body: await response.json() };
    }
    return { message: `the gateway at ${origin} answers, but the WebSocket did not open; check that every proxy on the way lets WebSockets pass` };
  } catch (cause) {
    if (signal.aborted) return { message: `${origin} did not answer within ${PROBE_MS / 1_000} s`, cause };
    try {
      // A page may read only answers that allow it; without reading it may still learn that there is one.
      if (typeof location !== "undefined") {
        await fetch(url, { mode: "no-cors", signal });
        return foreign;
      }
    } catch {
      // Nobody there, for all a page can know.
    }
    const why = networkReason((cause as { cause?: unknown } | undefined)?.cause);
    return { message: why ?? `no server answers at ${origin}, its certificate is not trusted, or the page's policy forbids it`, cause };
  } finally {
    clearTimeout(timer);
  }
}
