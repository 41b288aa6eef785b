import { AuthenticationError, ErrorCode, IMessageError, make } from "./errors.js";
import type { Settings } from "./options.js";

/** The token as it is now: a function is asked again for every call and every connection. @internal */
export async function readToken(given: Settings["token"]): Promise<string> {
  let token: unknown;
  try {
    token = typeof given === "function" ? await given() : given;
  } catch (cause) {
    // An error of our own classes is already what the user wants to see.
    if (cause instanceof IMessageError) throw cause;
    throw refused("the token function failed", cause);
  }
  return checkToken(token);
}

/** Anything else could not travel in a header, and `fetch` would call it a network failure. @internal */
export function isToken(token: unknown): token is string {
  return typeof token === "string" && /^[\x21-\x7e]+$/.test(token);
}

/** @internal */
export function checkToken(token: unknown): string {
  if (isToken(token)) return token;
  throw refused("the token is empty or not made of visible ASCII characters");
}

function refused(message: string, cause?: unknown): AuthenticationError {
  return make(AuthenticationError, message, { code: ErrorCode.unauthenticated, grpcCode: 16, retryable: false, cause });
}
