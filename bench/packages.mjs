// The installed packages of im-chats that are measured: this one's, and the version before when the run has one. Both are reached the
// same way, also in the browser, where a server of the bench's own serves both.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

import { contentType } from "../tests/suites/support/content-type.mjs";
import { listen } from "../tests/suites/support/server.mjs";

const { IM_CHATS_PROJECT: project, IM_CHATS_OLD_PROJECT: oldProject, IM_CHATS_OLD: oldCommit } = process.env;

/** The commit of the version before, when the run has one. */
export const OLD = oldProject && oldCommit;

const folders = { ours: project, ...(OLD && { old: oldProject }) };

/** Serves the packages; `entries[name]` says where Node and browsers import each from. */
export async function servePackages() {
  const roots = Object.entries(folders).map(([name, folder]) => [name, join(folder, "node_modules/im-chats")]);
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://packages").pathname);
    const root = roots.find(([name]) => path.startsWith(`/${name}/`));
    const body = root && (await readFile(join(root[1], path.slice(root[0].length + 2))).catch(() => undefined));
    if (!body) return response.writeHead(404).end();
    // The page that imports it is the gateway's.
    response.writeHead(200, { "content-type": contentType(path), "access-control-allow-origin": "*" }).end(body);
  });
  const { address, close } = await listen(server);
  const entries = Object.fromEntries(
    roots.map(([name, root]) => {
      // What the package says itself: its files may have had other names before.
      const { node, browser } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports["."];
      return [name, { node: pathToFileURL(join(root, node.default)).href, browser: new URL(browser.default, `${address}/${name}/`).href }];
    }),
  );
  return { entries, close };
}
