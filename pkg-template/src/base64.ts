/** How many bytes are given to one call of `btoa`: few enough to be its arguments, and divisible by 3, so that only the last is padded. */
const CHUNK_BYTES = 24_576;

/** The quickest way there is: `toBase64` of recent engines, Node's `Buffer`, or what every runtime has. @internal */
export function base64(bytes: Uint8Array & { toBase64?(): string }): string {
  if (bytes.toBase64) return bytes.toBase64();
  const { Buffer } = globalThis as { Buffer?: typeof import("node:buffer").Buffer };
  if (Buffer) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  let text = "";
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(from, from + CHUNK_BYTES)));
  }
  return text;
}
