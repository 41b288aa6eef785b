// Chromium for a test, and pages that remember everything that went wrong in them.

import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

/** `CHROMIUM`, or where Debian has it. */
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A headless Chromium that talks to nobody but the page under test. */
export function launchBrowser() {
  if (!existsSync(executablePath)) throw new Error(`there is no Chromium at ${executablePath}; \`cargo xtask test\` installs it`);
  const root = process.getuid?.() === 0;
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  return chromium.launch({ executablePath, args: root ? [...args, "--no-sandbox"] : args });
}

/**
 * A page in a context of its own, with the list of its complaints: uncaught errors, errors on the console, and what
 * its Content-Security-Policy refused.
 */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`);
    });
  });
  return { page, complaints, close: () => context.close() };
}
