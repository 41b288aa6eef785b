// Where the programs run: in this process, or in a page of Chromium.

import { launchBrowser, openPage } from "../support/browser.mjs";
import { importPackage, servePage } from "../support/package.mjs";
import { seeded } from "../support/seeded.mjs";
import { startPrograms } from "./consumer.mjs";

/** In Node. */
export async function inNode() {
  const { createClient } = await importPackage();
  let programs;
  return {
    start(options) {
      programs = startPrograms({ createClient, random: seeded(options.seed).random, ...options });
    },
    ready: () => programs.ready(),
    recovery: (since) => programs.recovery(since),
    reached: (sequence) => programs.reached(sequence),
    finish: () => programs.finish(),
    result: (ms) => programs.result(ms),
    close() {},
  };
}

/** In a page that imports the package through an import map. */
export async function inChromium() {
  const site = await servePage();
  const browser = await launchBrowser();
  const { page } = await openPage(browser);
  await page.goto(site.origin);
  const inPage = (name) => (input) =>
    // The page answers when it has something to say, which may take long.
    page.evaluate(([name, input]) => globalThis.programs[name](input), [name, input]);
  return {
    origin: site.origin,
    start: (options) =>
      page.evaluate(async (options) => {
        const { createClient } = await import("im-chats");
        const { startPrograms } = await import("/tests/chaos/consumer.mjs");
        const { seeded } = await import("/tests/support/seeded.mjs");
        globalThis.programs = startPrograms({ createClient, random: seeded(options.seed).random, ...options });
      }, options),
    ready: inPage("ready"),
    recovery: inPage("recovery"),
    reached: inPage("reached"),
    finish: inPage("finish"),
    result: inPage("result"),
    async close() {
      await browser.close();
      site.close();
    },
  };
}
