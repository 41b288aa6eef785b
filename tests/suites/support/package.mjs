// The packed package for a test that runs from the repository: it is imported by its name, as a program in the empty
// project imports it that the tarball was installed into.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { contentType } from "./content-type.mjs";
import { listen } from "./server.mjs";

const project = () => {
  const dir = process.env.IM_CHATS_PROJECT;
  if (!dir) throw new Error("IM_CHATS_PROJECT must name the project with the installed package; run this through `cargo xtask test`");
  return createRequire(join(dir, "package.json"));
};

/** An entry of the installed package, as Node imports it. */
export const importPackage = (entry = "im-chats") => import(pathToFileURL(project().resolve(entry)).href);

const PAGE = `<!doctype html><meta charset="utf-8"><title>im-chats</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "im-chats": "/im-chats/index.js" } }</script>`;

/**
 * Serves an empty page on which `import("im-chats")` is the installed package, and the files of `tests/suites/` under `/tests/`.
 * `origin` is what the gateway must allow.
 */
export async function servePage() {
  const roots = { "/im-chats/": dirname(project().resolve("im-chats/package.json")), "/tests/": fileURLToPath(new URL("..", import.meta.url)) };
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://page").pathname);
    if (path === "/") return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    const root = Object.keys(roots).find((prefix) => path.startsWith(prefix));
    const body = root && (await readFile(join(roots[root], path.slice(root.length))).catch(() => undefined));
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": contentType(path) }).end(body);
  });
  const { address, close } = await listen(server);
  return { origin: address, close };
}
