// Every `ts` block of the READMEs and of docs/ compiles under `strict`; every `js` block runs against the real gateway. Those of the
// READMEs do both: they are what people paste into a first file, whichever its language.
//
// A `ts` block that imports is a program of its own. One that does not continues a page where `im` and `chat` are there; in
// docs/messages.md `im` sends messages, too.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);
const root = process.env.IM_CHATS_ROOT;
const project = process.env.IM_CHATS_PROJECT;

const prelude = (name) => `import { createClient } from "${name.startsWith("docs-messages-md") ? "im-chats/messages" : "im-chats"}";
declare const im: ReturnType<typeof createClient>;
declare const chat: Awaited<ReturnType<typeof im.chats.get>>;
`;

const blocks = await collect();

describe("the code in the documents", () => {
  test("is there", () => {
    assert.ok(blocks.some(({ language }) => language === "js"), "README.md has no program to run");
    assert.ok(blocks.some(({ language }) => language === "ts"), "the documents have no TypeScript");
  });

  test("compiles under strict", async () => {
    const folder = join(project, "snippets");
    await mkdir(folder, { recursive: true });
    const files = [];
    for (const { language, name, code } of blocks) {
      if (language !== "ts" && !name.includes("README")) continue;
      const file = join(folder, `${name}.mts`);
      const complete = /^import /m.test(code) ? code : prelude(name) + code;
      await writeFile(file, `${complete}\nexport {};\n`);
      files.push(file);
    }
    const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext", "--types", "node"];
    const lib = ["--lib", "es2023,dom,dom.iterable,dom.asynciterable,esnext.disposable"];
    const types = ["--typeRoots", join(root, "node_modules/@types")];
    const checked = await run(join(root, "node_modules/.bin/tsc"), [...options, ...lib, ...types, ...files]).catch((error) => error);
    assert.equal(checked.code, undefined, checked.stdout);
  });

  for (const { language, name, code } of blocks) {
    if (language !== "js") continue;
    test(`${name} runs`, async () => {
      const gateway = await startGateway();
      try {
        const file = join(project, `${name}.mjs`);
        await writeFile(file, code);
        const env = { ...process.env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token };
        const { stderr } = await run(process.execPath, [file], { env, cwd: project, timeout: 30_000 });
        assert.equal(stderr, "");
      } finally {
        await gateway.stop();
      }
    });
  }
});

async function collect() {
  const docs = (await readdir(join(root, "docs"))).filter((file) => file.endsWith(".md")).map((file) => join(root, "docs", file));
  const found = [];
  for (const file of [join(root, "README.md"), join(root, "pkg-template/README.md"), ...docs]) {
    const text = await readFile(file, "utf8");
    for (const match of text.matchAll(/^```(ts|js)\n(.*?)^```$/gms)) {
      const line = text.slice(0, match.index).split("\n").length;
      const name = `${relative(root, file).replace(/[/.]/g, "-")}-${line}`;
      found.push({ language: match[1], name, code: match[2] });
    }
  }
  return found;
}
