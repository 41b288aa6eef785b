// The types of im-chats/react with those of React 18 and of React 19.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, project } from "./build.mjs";

const { IM_CHATS_ROOT: root } = process.env;

for (const [major, suffix] of [[18, "-18"], [19, ""]]) {
  test(`hold with those of React ${major}, strictly`, async () => {
    // Inside the project, so that `im-chats` is the package installed there.
    const app = await mkdtemp(join(project, "react-types-"));
    try {
      await cp(join(root, "tests/suites/react/types"), app, { recursive: true });
      // Files, and not folders: what is ESM finds no package by its path.
      const types = (name, file = "index") => [join(folder, "node_modules", name, `${file}.d.ts`)];
      const react = `@types/react${suffix}`;
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
        target: "es2022",
        lib: ["es2023", "dom", "dom.iterable", "esnext.disposable"],
        module: "nodenext",
        jsx: "react-jsx",
        types: [],
        paths: { react: types(react), "react/jsx-runtime": types(react, "jsx-runtime"), csstype: types("csstype"), "prop-types": types("@types/prop-types") },
      };
      await writeFile(join(app, "package.json"), '{ "type": "module" }');
      await writeFile(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.tsx"] }));
      const { stdout } = await promisify(execFile)(join(root, "node_modules/.bin/tsc"), ["--project", app]).catch((error) => error);
      assert.equal(stdout, "");
    } finally {
      await rm(app, { recursive: true, force: true });
    }
  });
}
