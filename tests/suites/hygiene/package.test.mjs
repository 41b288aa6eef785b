// The tarball as a registry and its judges see it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const { IM_CHATS_PROJECT: project, IM_CHATS_HYGIENE: tools } = process.env;
const packageDir = join(project, "node_modules/im-chats");
const tarball = join(project, (await readdir(project)).find((name) => name.endsWith(".tgz")));
const manifest = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8"));
const files = (await readdir(packageDir, { recursive: true })).filter((name) => !name.includes("node_modules"));
const read = (name) => readFile(join(packageDir, name), "utf8");

/** A judge's verdict: what it prints, and whether it is content. */
const judge = async (program, ...args) => {
  const { code = 0, stdout, stderr } = await run(join(tools, "node_modules/.bin", program), args).catch((error) => error);
  return { code, said: `${stdout}${stderr}` };
};

describe("the tarball", () => {
  test("is what publint wants", async () => {
    const { code, said } = await judge("publint", "run", tarball, "--strict");
    assert.equal(code, 0, said);
    assert.match(said, /All good/, said);
  });

  test("has types that are right for every resolution that can load it", async () => {
    // ESM only: `require` works from Node 22.12 on, which the types of older TypeScripts cannot know.
    const { code, said } = await judge("attw", tarball, "--profile", "esm-only", "--no-emoji");
    assert.equal(code, 0, said);
  });

  test("runs nothing when it is installed, and brings one dependency", () => {
    assert.equal(manifest.scripts, undefined);
    assert.deepEqual(Object.keys(manifest.dependencies), ["ws"]);
    for (const field of ["gypfile", "bin", "optionalDependencies"]) assert.equal(field in manifest, false, field);
    // For `im-chats/react`; npm installs nothing for one that is optional.
    assert.deepEqual([manifest.peerDependencies, manifest.peerDependenciesMeta], [{ react: ">=18" }, { react: { optional: true } }]);
  });

  test("says whose it is and what it may be used for", async () => {
    assert.equal(manifest.license, "MIT");
    assert.match(await read("LICENSE"), /^MIT License/);
    assert.equal(manifest.sideEffects, false);
    assert.equal(manifest.publishConfig.provenance, true);
    assert.equal(manifest.engines.node, ">=18");
    const readme = await read("README.md");
    assert.match(readme, /npm install im-chats/);
    // The registry shows it alone: what it links to must be an address, or be in it.
    for (const [, target] of readme.matchAll(/\]\(([^)]+)\)/g)) assert.match(target, /^(https:|#)/, target);
  });

  test("holds the package and nothing else", () => {
    const kinds = /^(LICENSE|README\.md|package\.json|wasm|[\w-]+\.(js|js\.map|d\.ts)|wasm\/(im_chats|inline|messages|messages-inline|emulator|emulator-inline)\.(js|d\.ts)|wasm\/(im_chats|messages|emulator)_bg\.wasm)$/;
    assert.deepEqual(files.filter((name) => !kinds.test(name)), []);
  });

  test("does not use eval or new Function", async () => {
    for (const name of files.filter((name) => name.endsWith(".js"))) {
      assert.doesNotMatch(await read(name), /\beval\s*\(|\bnew Function\b|\bFunction\s*\(/, name);
    }
  });
});

describe("the source maps", () => {
  test("lead from every file to its source", async () => {
    const maps = files.filter((name) => name.endsWith(".js.map"));
    assert.ok(maps.length > 10);
    for (const name of maps) {
      const map = JSON.parse(await read(name));
      assert.deepEqual(map.sources, [`src/${name.replace(".js.map", ".ts")}`]);
      assert.equal(map.sourcesContent.length, 1);
      assert.match(await read(name.replace(".map", "")), new RegExp(`//# sourceMappingURL=${name}$`));
    }
  });

  test("lead to the very line", async () => {
    const map = new SourceMap(JSON.parse(await read("errors.js.map")));
    const lines = (await read("errors.js")).split("\n");
    const generated = lines.findIndex((line) => line.startsWith("export class NotFoundError"));
    const { originalLine } = map.findEntry(generated, 0);
    assert.match(map.payload.sourcesContent[0].split("\n")[originalLine], /^export class NotFoundError/);
  });
});
