// `cargo xtask bundlers`: every bundler makes an app around the installed package, and Chromium opens it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { listeningAddress } from "../support/child.mjs";
import { contentType } from "../support/content-type.mjs";
import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";
import { chooseRows, finish, runRows } from "../support/table.mjs";

const run = promisify(execFile);

/** Where the bundlers of package.json are installed. */
const root = process.env.IM_CHATS_BUNDLERS;
const apps = join(root, "apps");
const bin = (name) => join(root, "node_modules/.bin", name);

const ESBUILD = ["--bundle", "--format=esm", "--log-level=warning"];

/** The majors of Vite that are supported; the older ones under names of their own. */
const VITES = { 8: "vite", 7: "vite-7", 6: "vite-6" };

/** `build` is a command in the app's folder, `serve` one that prints where it listens; without it `dist/` is served as files. */
const BUNDLERS = [
  ...Object.entries(VITES).reverse().flatMap(([major, vite]) => [
    {
      name: `Vite ${major}, build`,
      package: vite,
      app: "vite",
      entry: "im-chats",
      build: ["node", join(root, "node_modules", vite, "bin/vite.js"), "build", "--logLevel=warn"],
    },
    { name: `Vite ${major}, dev server`, package: vite, app: "vite", entry: "im-chats", serve: ["node", "serve.mjs", vite] },
  ]),
  {
    name: "Vite 8, build, with messages",
    package: "vite",
    app: "vite-messages",
    entry: "im-chats/messages",
    build: ["node", join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel=warn"],
  },
  { name: "webpack", package: "webpack", app: "webpack", entry: "im-chats", build: ["node", "build.mjs", "production"] },
  { name: "webpack, for development", package: "webpack", app: "webpack", entry: "im-chats", build: ["node", "build.mjs", "development"] },
  { name: "Parcel", package: "parcel", app: "parcel", entry: "im-chats", build: [bin("parcel"), "build", "index.html", "--dist-dir=dist", "--no-cache", "--log-level=warn"] },
  {
    name: "esbuild, inline",
    package: "esbuild",
    app: "esbuild",
    entry: "im-chats/inline",
    build: [bin("esbuild"), "../main-inline.js", ...ESBUILD, "--outfile=dist/main.js"],
  },
  {
    name: "esbuild, inline, with messages",
    package: "esbuild",
    app: "esbuild",
    entry: "im-chats/messages/inline",
    build: [bin("esbuild"), "../main-messages-inline.js", ...ESBUILD, "--outfile=dist/main.js"],
  },
  {
    name: "esbuild, file loader",
    package: "esbuild",
    app: "esbuild",
    entry: "im-chats` and `im-chats/wasm",
    build: [bin("esbuild"), "../main-wasm.js", ...ESBUILD, "--loader:.wasm=file", "--outdir=dist", "--entry-names=main"],
  },
  {
    name: "esbuild, binary loader",
    package: "esbuild",
    app: "esbuild",
    entry: "im-chats` and `im-chats/wasm",
    build: [bin("esbuild"), "../main-wasm.js", ...ESBUILD, "--loader:.wasm=binary", "--outfile=dist/main.js"],
  },
  {
    name: "esbuild, for Node, CommonJS",
    package: "esbuild",
    app: "esbuild",
    entry: "im-chats/inline",
    build: [bin("esbuild"), "../main-node.js", ...ESBUILD, "--platform=node", "--format=cjs", "--outfile=dist/main.cjs"],
    node: "dist/main.cjs",
  },
  {
    name: "Rollup, import-meta-assets",
    package: "rollup",
    app: "rollup",
    entry: "im-chats",
    build: [bin("rollup"), "--config", "rollup.config.mjs", "--silent"],
  },
  {
    name: "Rollup, inline",
    package: "rollup",
    app: "rollup",
    entry: "im-chats/inline",
    build: [bin("rollup"), "--config", "rollup.inline.config.mjs", "--silent"],
  },
  ...["Turbopack", "webpack"].map((bundler) => ({
    name: `Next.js with ${bundler}, server and client component`,
    package: "next",
    app: "next",
    entry: "im-chats",
    build: [bin("next"), "build", `--${bundler.toLowerCase()}`],
    serve: ["node", "serve.mjs"],
    also: { "#server": "any;-;bob@example.com counted" },
  })),
];

const LIVE = "any;-;alice@example.com chat.backgroundChanged";

/** The apps, and the package as the tarball installed it, beside the bundlers. */
async function stage() {
  const project = createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"));
  for (const name of ["im-chats", "ws"]) {
    const to = join(root, "node_modules", name);
    await rm(to, { recursive: true, force: true });
    await cp(dirname(project.resolve(`${name}/package.json`)), to, { recursive: true });
  }
  await rm(apps, { recursive: true, force: true });
  await cp(fileURLToPath(new URL("apps", import.meta.url)), apps, { recursive: true });
}

/** Resolves to nothing, or says what is wrong. */
async function tryOut(bundler) {
  const cwd = join(apps, bundler.app);
  // An app that is only shared files has no folder in a fresh clone.
  await mkdir(cwd, { recursive: true });
  // What Vite's dev server prepared, too, which would hide how a first start goes.
  const leftovers = [join(cwd, "dist"), join(cwd, ".next"), join(root, "node_modules/.vite")];
  for (const leftover of leftovers) await rm(leftover, { recursive: true, force: true });
  const env = { ...process.env, NODE_ENV: "", NEXT_TELEMETRY_DISABLED: "1", PARCEL_WORKERS: "0" };
  if (bundler.build) {
    const [program, ...options] = bundler.build;
    const { stderr } = await run(program, options, { cwd, env, timeout: 240_000 });
    if (stderr.trim()) return `it complained: ${stderr}`;
  }
  if (bundler.node) return inNode(join(cwd, bundler.node));
  const site = bundler.serve ? await startServer(bundler.serve, cwd, env) : await serveFiles(join(cwd, "dist"));
  const gateway = await startGateway({ args: ["--allow-origin", site.origin] });
  try {
    return await inPage(site.origin, gateway, bundler.also ?? {});
  } finally {
    await site.close();
    await gateway.stop();
  }
}

async function inNode(program) {
  const gateway = await startGateway();
  // Away from the package: what runs is what the bundler wrote.
  const folder = await mkdtemp(join(tmpdir(), "im-chats-bundle-"));
  try {
    await cp(program, join(folder, "main.cjs"));
    const { stdout } = await run("node", [join(folder, "main.cjs"), gateway.address, gateway.token], { cwd: folder, timeout: 60_000 });
    return stdout.trim() === LIVE ? undefined : `it printed ${stdout}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await gateway.stop();
  }
}

async function inPage(origin, { address, token }, also) {
  const { page, complaints, close } = await openPage(await browser());
  try {
    await page.goto(`${origin}/?${new URLSearchParams({ address, token })}`);
    const told = await page.waitForFunction(() => document.body.dataset.outcome, undefined, { timeout: 60_000 });
    const outcome = await told.jsonValue();
    if (outcome !== LIVE) return `${outcome}\n${complaints.join("\n")}`;
    for (const [selector, text] of Object.entries(also)) {
      const found = (await page.textContent(selector)).trim();
      if (found !== text) return `${selector} is ${found}`;
    }
    return complaints.length > 0 ? complaints.join("\n") : undefined;
  } catch (error) {
    return `${error.stack}\n${complaints.join("\n")}`;
  } finally {
    await close();
  }
}

let launched;

function browser() {
  launched ??= launchBrowser();
  return launched;
}

async function startServer([program, ...options], cwd, env) {
  const child = spawn(program, options, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const ended = once(child, "exit");
  const close = async () => {
    child.kill();
    await ended;
  };
  return { origin: await listeningAddress(child, ended, () => output), close };
}

/** The page of an app whose bundler made none. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>im-chats</title><link rel="icon" href="data:,"><body>
<script type="module" src="/main.js"></script>`;

async function serveFiles(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://page").pathname);
    const name = path === "/" ? "/index.html" : path;
    const body = await readFile(join(folder, name)).catch(() => (path === "/" ? PAGE : undefined));
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": contentType(name) }).end(body);
  });
  const { address, close } = await listen(server);
  return { origin: address, close };
}

const { chosen, write } = chooseRows(BUNDLERS, process.argv.slice(2));

await stage();
// One after the other: a bundler uses all cores by itself.
const results = await runRows(chosen, 1, async (bundler) => {
  const { version } = JSON.parse(await readFile(join(root, "node_modules", bundler.package, "package.json")));
  const error = await tryOut(bundler).catch((error) => `${error.stack}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  const wrong = error === undefined ? [] : [{ name: "the app", error }];
  return { cells: [bundler.name, version, `\`${bundler.entry}\``], wrong };
});
await launched?.then((browser) => browser.close());

await finish(["bundler", "version", "import"], results, write && new URL("../../../docs/bundlers.md", import.meta.url));
