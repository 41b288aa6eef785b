// Signs tokens that the gateway accepts (`--token-key web=HS256:FILE`): a JWS, as RFC 7515 has it, and nothing but node:crypto.

import { createHmac, randomUUID } from "node:crypto";

/** The name of the key, as the gateway's flag has it. */
const KEY_ID = "web";

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * A token of `sub`: it allows the scopes, for these chats, and for so long.
 *
 * Without `chats` it would be for every chat, so they are not optional here.
 */
export function signToken(key, { sub, scope, chats, ttlSeconds }) {
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { sub, aud: "im-chats", iat, exp: iat + ttlSeconds, jti: randomUUID(), scope: scope.join(" "), chats };
  const message = `${part({ alg: "HS256", typ: "im+jwt", kid: KEY_ID })}.${part(claims)}`;
  return `${message}.${createHmac("sha256", key).update(message).digest("base64url")}`;
}
