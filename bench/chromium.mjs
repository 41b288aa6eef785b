// One subject doing one work in a page of Chromium. The page is the gateway's own, which serves the package, too.
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

let browser;

async function launch() {
  if (browser) return browser;
  const { chromium } = createRequire(join(process.env.IM_CHATS_BENCH, "package.json"))("playwright-core");
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  process.once("beforeExit", () => browser.close());
  return browser;
}

/** CPU time of all renderers, in milliseconds; only one of them has something to do. */
async function rendererCpuMs(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0);
}

const module = async (path) => {
  const source = await readFile(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  return `data:text/javascript,${encodeURIComponent(source)}`;
};

/** Runs a task as `worker.mjs` does in Node. */
export async function inChromium(task, generate) {
  const session = await (await launch()).newBrowserCDPSession();
  const context = await browser.newContext({ bypassCSP: true });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(0);
    await page.exposeFunction("generate", (count) => void generate(count));
    await page.goto(task.address);
    await page.evaluate(
      async ({ task, works, subject }) => {
        const [{ WORKS }, { open }] = await Promise.all([import(works), import(subject)]);
        const opened = await open({ ...task, WebSocket, load: () => import("/im-chats/index.js") });
        globalThis.run = await WORKS[task.work](opened, { ...task, generate: globalThis.generate });
        await globalThis.run(task.warm);
      },
      { task, works: await module("./works.mjs"), subject: await module(`./subjects/${task.subject}.mjs`) },
    );
    const before = await rendererCpuMs(session);
    const ms = await page.evaluate(async (count) => {
      const at = performance.now();
      await globalThis.run(count);
      return performance.now() - at;
    }, task.count);
    return { cpuMs: (await rendererCpuMs(session)) - before, ms };
  } finally {
    await context.close();
    await session.detach();
  }
}

/** Ends the browser. */
export const closeChromium = () => browser?.close();
