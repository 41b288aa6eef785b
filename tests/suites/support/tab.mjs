// A tab as a person has it: it can be hidden, shown and frozen. Playwright's own pages cannot, since it keeps them focused for
// the sake of its input events, and what is visible is never frozen. So this one is driven through the DevTools protocol.

import { setTimeout as pause } from "node:timers/promises";

/** Opens `url` in a browser context of its own. */
export async function openTab(browser, url) {
  const devtools = await browser.newBrowserCDPSession();
  const { browserContextId } = await devtools.send("Target.createBrowserContext");
  const create = (address) => devtools.send("Target.createTarget", { url: address, browserContextId });
  const { targetId } = await create(url);
  // Playwright does not carry flat sessions of targets that it did not make.
  const { sessionId } = await devtools.send("Target.attachToTarget", { targetId, flatten: false });
  const waiting = new Map();
  devtools.on("Target.receivedMessageFromTarget", ({ sessionId: from, message }) => {
    const { id, error, result } = JSON.parse(message);
    if (from !== sessionId || !waiting.has(id)) return;
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  });
  let last = 0;
  const send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      devtools.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) }).catch(reject);
    });

  const tab = {
    /** Runs a function of its own text in the page and gives what it returns, as JSON. */
    async evaluate(run, input) {
      const expression = `(${run})(${JSON.stringify(input) ?? ""})`;
      const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    /** Waits until a function in the page returns something true, and gives it. */
    async until(condition, input, ms = 20_000) {
      for (const end = performance.now() + ms; ; await pause(20)) {
        const found = await tab.evaluate(condition, input);
        if (found) return found;
        if (performance.now() > end) throw new Error(`not within ${ms} ms: ${condition}`);
      }
    },
    /** `"frozen"` or `"active"`: what a browser does with a tab of the background to save power. */
    lifecycle: (state) => send("Page.setWebLifecycleState", { state }),
    /** Puts another tab before it. */
    async hide() {
      const other = await create("about:blank");
      await devtools.send("Target.activateTarget", other);
      await tab.until(() => document.visibilityState === "hidden");
    },
    show: () => devtools.send("Target.activateTarget", { targetId }),
    /** Tells the page whether there is a network; requests without one fail. */
    async network(online) {
      await send("Network.enable");
      await send("Network.emulateNetworkConditions", { offline: !online, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    },
    close: () => devtools.send("Target.disposeBrowserContext", { browserContextId }),
  };
  await tab.until((url) => location.href.startsWith(url) && document.readyState === "complete", url);
  return tab;
}
