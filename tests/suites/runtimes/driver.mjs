// What a runtime under test talks to: its gateway behind a proxy that cuts, other people's writes, and the report.
//
// Each run gets a new driver, on free ports.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { contentType } from "../support/content-type.mjs";
import { startGateway } from "../support/gateway.mjs";
import { startProxy } from "../support/proxy.mjs";
import { listen } from "../support/server.mjs";

const here = (path) => new URL(path, import.meta.url);

/** Pages are served from here, too; `packageDir` is the installed package. */
export async function startDriver(packageDir) {
  const driver = new Driver(packageDir);
  await driver.start();
  return driver;
}

class Driver {
  /** `http://127.0.0.1:port`; pages are of this origin. */
  url;
  /** Resolves with the report: `[{ name, error? }]`. */
  report;
  #packageDir;
  #server;
  #gateway;
  #proxy;
  #reported;
  #amended;
  #amendment;

  constructor(packageDir) {
    this.#packageDir = packageDir;
    this.report = new Promise((resolve) => (this.#reported = resolve));
    this.#amendment = new Promise((resolve) => (this.#amended = resolve));
  }

  async start() {
    this.#server = await listen(createServer((request, response) => void this.#answer(request, response)));
    this.url = this.#server.address;
    this.#gateway = await startGateway({ args: ["--allow-origin", this.url] });
    this.#proxy = await startProxy(this.#gateway.address);
  }

  /** Workers have one more line, which their page writes. */
  async amendedReport() {
    const line = await this.#amendment;
    // A worker that did not start has no report.
    return line.name === "start" ? [line] : [...(await this.report), line];
  }

  async close() {
    await this.#server.close();
    await this.#proxy.close();
    await this.#gateway.stop();
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.url);
    // Nobody answers here; a call waits until it is given up.
    if (pathname.startsWith("/silent/")) return;
    try {
      const body = request.method === "POST" ? JSON.parse((await request.setEncoding("utf8").toArray()).join("")) : undefined;
      const answer = body === undefined ? await this.#get(pathname) : { body: JSON.stringify(await this.#post(pathname, body)) };
      if (!answer) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": "application/json", ...answer.headers }).end(answer.body);
    } catch (error) {
      response.writeHead(500).end(`${error.stack}`);
    }
  }

  async #post(pathname, body) {
    if (pathname === "/report") return this.#reported(body) ?? {};
    if (pathname === "/amend") return this.#amended(body) ?? {};
    if (pathname === "/command/cut") return this.#proxy.cut() ?? {};
    if (pathname === "/command/restart") return this.#restart();
    if (pathname === "/command/elsewhere") {
      const [status, answer] = await this.#gateway.call("POST", `/emulator/v1/${body.path}`, body.body);
      if (status !== 200) throw new Error(`${body.path}: ${JSON.stringify(answer)}`);
      return answer;
    }
    throw new Error(`no command ${pathname}`);
  }

  /** As a crash and a service manager do it: the address that clients know stays. */
  async #restart() {
    const { data, token } = this.#gateway;
    await this.#gateway.kill();
    this.#gateway = await startGateway({ data, token, args: ["--allow-origin", this.url] });
    this.#proxy.target = this.#gateway.address;
    return {};
  }

  async #get(pathname) {
    if (pathname === "/job") return { body: JSON.stringify({ address: this.#proxy.address, token: this.#gateway.token }) };
    if (pathname === "/page") return { body: PAGE, headers: { "content-type": "text/html", ...this.#policy() } };
    const file = this.#file(pathname);
    const body = file && (await readFile(file).catch(() => undefined));
    // A worker has the policy that its own script came with.
    return body && { body, headers: { "content-type": contentType(pathname), ...this.#policy() } };
  }

  #file(pathname) {
    const [, folder, name] = /^\/(im-chats|hosts)\/((?:wasm\/)?[\w.-]+)$/.exec(pathname) ?? [];
    if (folder === "im-chats") return join(this.#packageDir, name);
    if (folder === "hosts") return here(`hosts/${name}`);
    // The folder of a service worker's script bounds what it controls, so this one lies at the top.
    if (pathname === "/service-worker.mjs") return here("hosts/service-worker.mjs");
    if (pathname === "/program.mjs") return here("program.mjs");
    return undefined;
  }

  /** The strictest policy under which the package works; docs/runtimes.md tells it. */
  #policy() {
    const gateway = this.#proxy.address;
    const connect = `connect-src 'self' ${gateway} ${gateway.replace("http", "ws")} http://127.0.0.1:1`;
    return { "content-security-policy": `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; ${connect}` };
  }
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>im-chats</title>
<script type="module" src="/hosts/page.mjs"></script>`;
