// Prints the sizes of a package's wasm and JavaScript as they are, and compressed as a server would send them.
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = process.argv[2];
const sent = (entry) => entry.isFile() && /\.(js|wasm)$/.test(entry.name);
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter(sent)
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .sort();

const measure = (bytes) => [
  bytes.length,
  gzipSync(bytes, { level: 9 }).length,
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
];
const row = (name, numbers) =>
  console.log(name.padEnd(34) + numbers.map((number) => String(number).padStart(10)).join(""));

row("bytes", ["raw", "gzip", "brotli"]);
for (const file of files) row(relative(root, file), measure(readFileSync(file)));
