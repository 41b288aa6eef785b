// Subjects in Chromium: each in a page of its own. The page is the gateway's; the package comes from the bench's own server.
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

let browser;
let session;

async function launch() {
  if (browser) return;
  const { chromium } = createRequire(join(process.env.IM_CHATS_BENCH, "package.json"))("playwright-core");
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  session = await browser.newBrowserCDPSession();
}

/** CPU time of all renderers, in milliseconds; only one of them has something to do at a time. */
async function rendererCpuMs() {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0);
}

const module = async (path) => {
  const source = await readFile(fileURLToPath(new URL(path, import.meta.url)), "utf8");
  return `data:text/javascript,${encodeURIComponent(source)}`;
};

/** A subject that stays: `run(count)` gives what so much of the work cost. */
export async function inChromium(task, generate) {
  await launch();
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  page.setDefaultTimeout(0);
  await page.exposeFunction("generate", (count) => void generate(count));
  await page.goto(task.address);
  const [works, subject] = [await module("./works.mjs"), await module(`./subjects/${task.subject}.mjs`)];
  await page.evaluate(
    async ({ task, works, subject }) => {
      const [{ WORKS }, { open }] = await Promise.all([import(works), import(subject)]);
      const opened = await open({ ...task, WebSocket, load: () => import(task.package.browser) });
      globalThis.run = await WORKS[task.work](opened, { ...task, generate: globalThis.generate });
    },
    { task, works, subject },
  );
  return {
    async run(count) {
      const before = await rendererCpuMs();
      const ms = await page.evaluate(async (count) => {
        const at = performance.now();
        await globalThis.run(count);
        return performance.now() - at;
      }, count);
      return { cpuMs: (await rendererCpuMs()) - before, ms };
    },
    close: () => context.close(),
  };
}

/** Ends the browser. */
export const closeChromium = () => browser?.close();
