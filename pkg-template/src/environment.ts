import { ErrorCode, IMessageError, make } from "./errors.js";

/**
 * Throws when the environment lacks one of these. Every runtime has them; jsdom, which tests of pages often run in, does not.
 *
 * @internal
 */
export function checkGlobals(...names: string[]): void {
  const missing = names.filter((name) => (globalThis as Record<string, unknown>)[name] === undefined);
  if (missing.length === 0) return;
  throw make(IMessageError, `im-chats needs ${missing.join(", ")}, which this environment does not have; set globalThis.${missing[0]} before the first call`, {
    code: ErrorCode.operationNotSupported,
    grpcCode: 12,
    retryable: false,
    context: { missing: missing.join(",") },
  });
}

/** Whether this is a page, or a worker of one; `src/wake.rs` tells them in the same way. @internal */
export function isBrowser(): boolean {
  const { document, importScripts } = globalThis as { document?: unknown; importScripts?: unknown };
  return typeof document === "object" || typeof importScripts === "function";
}

/** The environment's own WebSocket. @internal */
export function ownWebSocket(): typeof WebSocket {
  checkGlobals("WebSocket");
  return WebSocket;
}
