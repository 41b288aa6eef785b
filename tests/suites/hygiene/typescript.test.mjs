// The package's types under the TypeScripts that programs are still written in, however they resolve modules.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const { IM_CHATS_PROJECT: project, IM_CHATS_HYGIENE: tools, IM_CHATS_ROOT: root } = process.env;

const latest = join(root, "node_modules/typescript/bin/tsc");
const VERSIONS = {
  ...Object.fromEntries(["5.0", "5.2", "5.9", "6.0"].map((version) => [version, join(tools, `node_modules/typescript-${version}/bin/tsc`)])),
  "the latest": latest,
};

const RESOLUTIONS = {
  node16: ["--module", "node16", "--moduleResolution", "node16"],
  nodenext: ["--module", "nodenext", "--moduleResolution", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};

const folder = join(project, "typescript");
await mkdir(folder, { recursive: true });
const consumer = join(folder, "consumer.ts");
await cp(new URL("consumer.ts", import.meta.url), consumer);

/** The library check stays on: it is the package's own declarations that are tested. */
const check = async (tsc, options, types = folder) => {
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022", "--skipLibCheck", "false"];
  const typeRoots = ["--typeRoots", types];
  const checked = await run(process.execPath, [tsc, ...strict, ...typeRoots, ...options, consumer], { cwd: folder }).catch((error) => error);
  assert.equal(checked.code, undefined, checked.stdout);
};

// With nothing but the language's own library, which is part of every project's types.
for (const [version, tsc] of Object.entries(VERSIONS)) {
  for (const [resolution, module] of Object.entries(RESOLUTIONS)) {
    test(`TypeScript ${version}, ${resolution}`, () => check(tsc, [...module, "--lib", "es2022"]));
  }
}

// And where others declare the same names.
for (const [version, tsc] of [["5.0", VERSIONS["5.0"]], ["the latest", latest]]) {
  test(`TypeScript ${version} with the DOM's types`, () => check(tsc, [...RESOLUTIONS.bundler, "--lib", "es2022,dom,dom.iterable"]));
}

test("TypeScript with Node's types", () =>
  check(latest, [...RESOLUTIONS.nodenext, "--lib", "es2022", "--types", "node"], join(root, "node_modules/@types")));
