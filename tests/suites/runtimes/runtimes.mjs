// Every runtime the package is promised for, and how the conformance program is started in it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startForwardProxy } from "../support/forward-proxy.mjs";
import { startProxy } from "../support/proxy.mjs";
import { startDriver } from "./driver.mjs";

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const env = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run this through \`cargo xtask runtimes\``);
  return value;
};

/** The project that the tarball was installed into. */
const project = () => env("IM_CHATS_PROJECT");
const packageDir = () => dirname(createRequire(join(project(), "package.json")).resolve("im-chats/package.json"));
/** The runtimes of package.json, installed. */
const installed = (path) => join(env("IM_CHATS_RUNTIMES"), "node_modules", path);

/** What each promise is about: `kind` groups them, `version` asks, `run` resolves with the report of the program. */
export const RUNTIMES = [
  ...[18, 20, 22, 24].map((major) => ({
    name: `Node ${major}`,
    binary: () => installed(`node-${major}/bin/node`),
    // No string becomes code: what a Content-Security-Policy forbids in a page, this flag forbids in Node.
    run: async (driver, binary) => {
      const report = await inProcess(driver, binary, ["--disallow-code-generation-from-strings"]);
      // Node 18 cannot `require` what is ESM.
      return major < 20 ? report : [...report, await required(binary)];
    },
  })),
  // The first that have a WebSocket of their own, which is used there.
  ...[22, 24].map((major) => ({
    name: `Node ${major}, through a proxy`,
    binary: () => installed(`node-${major}/bin/node`),
    run: inNodeThroughProxy,
  })),
  {
    name: "Bun",
    binary: () => installed("@oven/bun-linux-x64/bin/bun"),
    run: (driver, binary) => inProcess(driver, binary, ["run"]),
  },
  {
    name: "Deno",
    binary: () => installed("@deno/linux-x64-glibc/deno"),
    run: (driver, binary) =>
      inProcess(driver, binary, ["run", "--quiet", "--no-prompt", "--node-modules-dir=manual", "--allow-net=127.0.0.1", `--allow-read=${project()}`]),
  },
  { name: "workerd", binary: () => installed("@cloudflare/workerd-linux-64/bin/workerd"), run: inWorkerd },
  { name: "Chromium", binary: chromium, run: inChromium("page") },
  { name: "Chromium, inline entry", binary: chromium, run: inChromium("inline") },
  { name: "Chromium, dedicated worker", binary: chromium, run: inChromium("worker") },
  { name: "Chromium, service worker", binary: chromium, run: inChromium("service-worker") },
  { name: "Firefox ESR", binary: firefox, run: inFirefox("page") },
  { name: "Firefox ESR, dedicated worker", binary: firefox, run: inFirefox("worker") },
  { name: "Firefox ESR, service worker", binary: firefox, run: inFirefox("service-worker") },
];

/** Runs the program in one of them: the version, and `[{ name, error? }]`. */
export async function runIn(runtime) {
  const binary = runtime.binary();
  const { stdout } = await run(binary, ["--version"]);
  const driver = await startDriver(packageDir());
  try {
    return { version: /\d+([.-]\d+)+\w*/.exec(stdout)?.[0] ?? stdout.trim(), report: await runtime.run(driver, binary) };
  } finally {
    await driver.close();
  }
}

function chromium() {
  return env("CHROMIUM");
}

function firefox() {
  return env("FIREFOX");
}

/** A copy of the program inside the project, where `im-chats` is the installed package; goes when `use` is through. */
async function insideProject(use) {
  const folder = await mkdtemp(join(project(), "runtime-"));
  try {
    for (const part of ["program.mjs", "hosts"]) await cp(here(part), join(folder, part), { recursive: true });
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function inProcess(driver, binary, options, env = {}) {
  return insideProject(async (folder) => {
    const child = spawn(binary, [...options, join(folder, "hosts/process.mjs"), driver.url], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const ended = ending(child);
    const report = await inTime(Promise.race([driver.report, ended.then((end) => unreported(end, driver))])).catch(failedStart);
    // Everything is closed, so nothing may keep the process alive, and nothing may have been complained about.
    const end = await within(10_000, ended, "the process did not end by itself").catch((error) => ({ error }));
    if (end.error) child.kill("SIGKILL");
    const clean = end.code === 0 && end.output === "";
    return [...report, { name: "the process ends by itself, silently", ...(!clean && { error: `${end.error ?? `exit ${end.code}: ${end.output}`}` }) }];
  });
}

/** Everything goes the way that the environment names; and nothing does where it says otherwise. */
async function inNodeThroughProxy(driver, binary) {
  const proxy = await startForwardProxy();
  try {
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: "" };
    // Node 22 warns that its proxy is an experiment.
    const report = await inProcess(driver, binary, ["--no-warnings"], { ...env, NODE_USE_ENV_PROXY: "1" });
    const counts = () => ["POST /v1/chats", "GET /v1/events"].map((line) => proxy.passed.filter((each) => each === line).length);
    const [calls, streams] = counts();
    const all = calls > 0 && streams > 0;
    const exempt = await oneOfEach(driver, binary, { ...env, NODE_USE_ENV_PROXY: "1", NO_PROXY: "example.com,127.0.0.1" });
    const unasked = await oneOfEach(driver, binary, env);
    const none = counts().join() === [calls, streams].join();
    return [
      ...report,
      { name: "calls and streams pass the proxy", ...(!all && { error: `the proxy saw ${calls} calls and ${streams} streams` }) },
      { name: "NO_PROXY, and no NODE_USE_ENV_PROXY, are honoured", error: exempt ?? unasked ?? (none ? undefined : `the proxy saw ${proxy.passed}`) },
      { name: "close() ends the process on a half-open link", error: await halfOpen(driver, binary, { ...env, NODE_USE_ENV_PROXY: "1" }) },
    ];
  } finally {
    await proxy.close();
  }
}

/** One call and one stream: what went wrong. */
async function oneOfEach(driver, binary, env) {
  const code = `
    import { createClient } from "im-chats";
    const im = createClient(await (await fetch(${JSON.stringify(`${driver.url}/job`)})).json());
    await im.chats.create(["once@example.com"]);
    await im.chats.subscribeEvents().ready;
    await im.close();
  `;
  const options = { cwd: project(), env: { ...process.env, ...env }, timeout: 30_000 };
  const { stderr, code: exit } = await run(binary, ["--no-warnings", "--input-type=module", "--eval", code], options).catch((error) => error);
  return stderr || exit ? `exit ${exit}: ${stderr}` : undefined;
}

/** A stream whose link falls silent, and then `close()`: what keeps the process alive. */
async function halfOpen(driver, binary, env) {
  const { address, token } = await (await fetch(`${driver.url}/job`)).json();
  const link = await startProxy(address);
  const code = `
    import { createClient } from "im-chats";
    const im = createClient(${JSON.stringify({ address: link.address, token })});
    process.once("message", () => {
      process.disconnect();
      void im.close();
    });
    await im.chats.subscribeEvents().ready;
    process.send("ready");
  `;
  const stdio = ["ignore", "pipe", "pipe", "ipc"];
  const child = spawn(binary, ["--no-warnings", "--input-type=module", "--eval", code], { cwd: project(), env: { ...process.env, ...env }, stdio });
  const ended = ending(child);
  try {
    await within(30_000, Promise.race([once(child, "message"), ended.then(({ output }) => Promise.reject(new Error(output)))]), "no stream");
    link.blackhole();
    child.send("close");
    const { code, output } = await within(10_000, ended, "it is alive after ten seconds");
    return code === 0 && output === "" ? undefined : `exit ${code}: ${output}`;
  } catch (error) {
    return `${error}`;
  } finally {
    child.kill();
    await link.close();
  }
}

/** CommonJS. */
async function required(binary) {
  const { stdout, stderr } = await run(binary, ["--print", "typeof require('im-chats').createClient"], { cwd: project() }).catch((error) => error);
  return { name: "require", ...(stdout?.trim() !== "function" && { error: `${stdout}${stderr}` }) };
}

/** The report can be on its way while the process that sent it ends. */
async function unreported({ code, output }, driver) {
  return within(1_000, driver.report, "").catch(() => [{ name: "start", error: `exit ${code} before the report: ${output}` }]);
}

async function ending(child) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "close");
  return { code, output };
}

/** A runtime that hangs is a failure and not a wait. */
const inTime = (report) => within(120_000, report, "no report within two minutes");

const failedStart = (error) => [{ name: "start", error: `${error}` }];

async function within(ms, promise, why) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(why)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Bundled as Cloudflare's own tool bundles: esbuild with its conditions, wasm files as modules beside the script. */
async function inWorkerd(driver, binary) {
  const { build } = createRequire(installed("esbuild/package.json"))("esbuild");
  return insideProject(async (folder) => {
    const out = join(folder, "out");
    await build({
      entryPoints: [join(folder, "hosts/workerd.mjs")],
      outdir: out,
      bundle: true,
      format: "esm",
      conditions: ["workerd", "worker", "browser"],
      loader: { ".wasm": "copy" },
      logLevel: "silent",
    });
    const files = await readdir(out);
    const modules = files.map((name) => `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${name}")`);
    // The script is the first module: that one is the worker.
    modules.sort((a, b) => Number(b.includes("workerd.js")) - Number(a.includes("workerd.js")));
    await writeFile(join(out, "config.capnp"), config(modules, driver.url));
    const child = spawn(binary, ["serve", "--control-fd=3", join(out, "config.capnp")], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    const ended = ending(child);
    try {
      const [told] = await Promise.race([once(child.stdio[3], "data"), ended.then((end) => Promise.reject(new Error(end.output)))]);
      const { port } = JSON.parse(`${told}`);
      const answer = await inTime(fetch(`http://127.0.0.1:${port}/`));
      if (!answer.ok) throw new Error(`the worker answered ${answer.status}: ${await answer.text()}`);
      return await driver.report;
    } catch (error) {
      child.kill();
      return [{ name: "start", error: `${error.stack}\n${(await ended).output}` }];
    } finally {
      child.kill();
      await ended;
    }
  });
}

const config = (modules, driver) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .program), (name = "internet", network = (allow = ["local"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const program :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  bindings = [(name = "DRIVER", text = "${driver}")],
  compatibilityDate = "2025-01-01",
);
`;

const isWorker = (kind) => kind.endsWith("worker");

const reported = (kind, driver) => (isWorker(kind) ? driver.amendedReport() : driver.report);

function inChromium(kind) {
  return async (driver) => {
    const browser = await launchBrowser();
    try {
      const { page, complaints } = await openPage(browser);
      await page.goto(`${driver.url}/page?in=${kind}`);
      const report = await inTime(reported(kind, driver)).catch(failedStart);
      // Browsers report every failed request by themselves, and the program makes some fail.
      const own = complaints.filter((complaint) => !/Failed to load resource|WebSocket connection to/.test(complaint));
      return [...report, { name: "no complaint, of the policy either", ...(own.length > 0 && { error: own.join("\n") }) }];
    } finally {
      await browser.close();
    }
  };
}

/** Without a driver of the browser: the page needs none, it reports by itself. */
function inFirefox(kind) {
  return async (driver, binary) => {
    const profile = await mkdtemp(join(tmpdir(), "im-chats-firefox-"));
    await writeFile(join(profile, "user.js"), QUIET_FIREFOX);
    const options = ["--headless", "--no-remote", "--profile", profile, `${driver.url}/page?in=${kind}`];
    const child = spawn(binary, options, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" } });
    const ended = ending(child);
    try {
      const died = ended.then(({ code, output }) => Promise.reject(new Error(`Firefox ended with ${code}: ${output}`)));
      return await inTime(Promise.race([reported(kind, driver), died]));
    } catch (error) {
      return failedStart(error);
    } finally {
      child.kill();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

/** A new profile asks, updates and telephones home; this one does not. */
const QUIET_FIREFOX = Object.entries({
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.region.network.url": "",
  "browser.safebrowsing.downloads.remote.enabled": false,
  "browser.search.update": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.getAddons.cache.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disablePrefetch": true,
  "services.settings.server": "http://127.0.0.1:1",
  "toolkit.telemetry.enabled": false,
})
  .map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`)
  .join("\n");
