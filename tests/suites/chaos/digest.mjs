// A number that two readers share when they were given the same events, whole, in the same order.

/** Of no events. */
export const FRESH = 0x811c9dc5;

/** Goes on from `digest` with one more event (FNV-1a over its JSON). */
export function digestOf(digest, event) {
  const text = JSON.stringify(event);
  for (let index = 0; index < text.length; index += 1) digest = Math.imul(digest ^ text.charCodeAt(index), 0x01000193);
  return digest >>> 0;
}
