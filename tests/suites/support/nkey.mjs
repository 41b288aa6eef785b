// Keys of users of NATS, as `nk` prints them: base32 of a prefix, the key, and a CRC-16.
// https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const [USER, SEED] = [20 << 3, 18 << 3];

/** The public key (`U…`) and the seed (`SU…`) of a pair of Ed25519. */
export function userKey({ publicKey, privateKey }) {
  const raw = (key, part) => Buffer.from(key.export({ format: "jwk" })[part], "base64url");
  return {
    public: encoded(Buffer.from([USER]), raw(publicKey, "x")),
    seed: encoded(Buffer.from([SEED | (USER >> 5), (USER & 31) << 3]), raw(privateKey, "d")),
  };
}

function encoded(prefix, key) {
  const body = Buffer.concat([prefix, key]);
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc16(body));
  let [text, held, bits] = ["", 0, 0];
  for (const byte of Buffer.concat([body, sum])) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

/** CRC-16/XMODEM. */
function crc16(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}
