// Builds what the tests open.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The folder with React, Vue, Svelte and what builds them, and the project with the package. */
export const { IM_CHATS_REACT: folder, IM_CHATS_PROJECT: project } = process.env;

/** The version of React by its major, as its packages are called in package.json. */
export const REACTS = { 18: { react: "react-18", "react-dom": "react-dom-18" }, 19: {} };

/** A module of that folder. */
export const load = (name) => import(pathToFileURL(createRequire(join(folder, "package.json")).resolve(name)).href);

/** The app for pages, or for a server, as one module. */
export async function bundle(entry, { major, platform = "browser", outfile }) {
  const { build } = await load("esbuild");
  await build({
    entryPoints: [join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "app", entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform,
    jsx: "automatic",
    alias: REACTS[major],
    nodePaths: [join(folder, "node_modules"), join(project, "node_modules")],
    define: { "process.env.NODE_ENV": '"development"' },
    // What is CommonJS in it asks for modules of Node.
    ...(platform === "node" && { banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } }),
    logLevel: "warning",
  });
  return outfile;
}
