// `inline.mjs STAGE NAME INLINE`: writes INLINE.js and INLINE.d.ts beside NAME_bg.wasm: the same bytes as a module.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [stage, name, inline] = process.argv.slice(2);
const base64 = readFileSync(join(stage, `${name}_bg.wasm`)).toString("base64");

writeFileSync(
  join(stage, `${inline}.js`),
  `const base64 =
  "${base64}";

/** Decoded when asked for and not at import, so that importing costs nothing. */
export function wasmBytes() {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  // A tenth of the time that Uint8Array.from takes with a function.
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}
`,
);

writeFileSync(
  join(stage, `${inline}.d.ts`),
  `/** The bytes of \`${name}_bg.wasm\`, for bundlers and runtimes that do not move assets. */
export declare function wasmBytes(): Uint8Array<ArrayBuffer>;
`,
);
