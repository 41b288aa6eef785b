// A picture to set as a background: an evening, drawn here so that no file needs a licence.

import { crc32, deflateSync } from "node:zlib";

/** A PNG of `width` × `height` pixels. */
export function sunset(width = 900, height = 600) {
  const rows = [];
  for (let y = 0; y < height; y += 1) {
    const row = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x += 1) row.set(colour(x / width, y / height, width / height), 1 + x * 3);
    rows.push(row);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function colour(x, y, ratio) {
  const far = 0.62 + 0.09 * Math.sin(x * 7.5) + 0.05 * Math.sin(x * 19 + 1);
  const near = 0.75 + 0.07 * Math.sin(x * 10 + 2);
  if (y > near) return [38, 70, 83];
  if (y > far) return [70, 110, 120];
  if (Math.hypot((x - 0.72) * ratio, y - 0.38) < 0.1) return [255, 240, 210];
  return [250 - 60 * y, 220 - 80 * y, 140 + 90 * y];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
