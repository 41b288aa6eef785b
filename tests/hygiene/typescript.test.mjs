// The package's types under the TypeScripts that programs are still written in, however they resolve modules.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const { IM_CHATS_PROJECT: project, IM_CHATS_HYGIENE: tools, IM_CHATS_ROOT: root } = process.env;

const VERSIONS = ["5.0", "5.1", "5.2", "5.5", "5.9", "6.0"].map((version) => [version, join(tools, `node_modules/typescript-${version}/bin/tsc`)]);
const latest = join(root, "node_modules/typescript/bin/tsc");

const RESOLUTIONS = {
  node16: ["--module", "node16", "--moduleResolution", "node16"],
  nodenext: ["--module", "nodenext", "--moduleResolution", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};

const LIBRARIES = {
  "with the DOM": ["--lib", "es2022,dom,dom.iterable", "--types", ""],
  "with nothing but the language": ["--lib", "es2022", "--types", ""],
};

const folder = join(project, "typescript");
await mkdir(folder, { recursive: true });
const consumer = join(folder, "consumer.ts");
await cp(join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "consumer.ts"), consumer);

/** The library check stays on: it is the package's own declarations that are tested. */
const check = async (tsc, options) => {
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022", "--skipLibCheck", "false"];
  const checked = await run(process.execPath, [tsc, ...strict, ...options, consumer], { cwd: folder }).catch((error) => error);
  assert.equal(checked.code, undefined, checked.stdout);
};

for (const [version, tsc] of [...VERSIONS, ["the latest", latest]]) {
  describe(`TypeScript ${version}`, () => {
    for (const [resolution, module] of Object.entries(RESOLUTIONS)) {
      for (const [libraries, lib] of Object.entries(LIBRARIES)) {
        test(`${resolution}, ${libraries}`, () => check(tsc, [...module, ...lib]));
      }
    }
  });
}

test("with Node's types instead of the DOM's", () =>
  check(latest, [...RESOLUTIONS.nodenext, "--lib", "es2022", "--types", "node", "--typeRoots", join(root, "node_modules/@types")]));
