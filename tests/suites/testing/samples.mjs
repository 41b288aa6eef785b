// The files that docs/testing.md shows: every block whose fence names one, in an empty project with the packed package and the test runners.

import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const { IM_CHATS_ROOT: root, IM_CHATS_PROJECT: project, IM_CHATS_TESTING: tools } = process.env;

/** The blocks of the page: `[name, code]`. */
export async function samples() {
  const text = await readFile(join(root, "docs/testing.md"), "utf8");
  return [...text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)].map(([, name, code]) => [name, code]);
}

/** Where a runner finds its own file. */
export const tool = (path) => join(tools, "node_modules", path);

/** A project with these files. It lies in the folder of the runners, so that they are found, and so is what a test imports of them. */
export async function makeProject(files) {
  const folder = await mkdtemp(join(tools, "project-"));
  await cp(join(project, "node_modules"), join(folder, "node_modules"), { recursive: true, dereference: true, filter: (path) => !path.includes("/.bin") });
  for (const [name, code] of [["package.json", '{ "private": true, "type": "module" }\n'], ...files]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), code);
  }
  return folder;
}
