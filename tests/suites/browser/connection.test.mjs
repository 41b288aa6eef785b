// A page whose client cannot connect: the browser does not say why, and the client finds it out.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { launchBrowser } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { servePage } from "../support/package.mjs";
import { listen } from "../support/server.mjs";

let browser;
let site;

before(async () => {
  browser = await launchBrowser();
  site = await servePage();
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** Opens a stream in a page; what the page's client reports of the given attempt, and how many requests it made for that. */
async function attempt(number, address, token = "secret") {
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    await page.goto(site.origin);
    return await page.evaluate(
      async ([number, address, token]) => {
        const { createClient } = await import("im-chats");
        let probes = 0;
        const native = fetch;
        globalThis.fetch = (input, init) => {
          if (`${input}`.endsWith("/healthz")) probes += 1;
          return native(input, init);
        };
        const im = createClient({ address, token });
        const reported = new Promise((resolve) => {
          im.connection.on(({ state, lastError, failedAttempt }) => {
            if (failedAttempt?.number !== number) return;
            const { message, code, context, retryable, constructor } = lastError;
            resolve({ state, failedAttempt, probes, name: constructor.name, message, code, context, retryable });
          });
        });
        const end = im.chats
          .subscribeEvents()
          [Symbol.asyncIterator]()
          .next()
          .catch((error) => error.message);
        const report = await reported;
        if (report.state === "failed") report.end = await end;
        await im.close();
        return report;
      },
      [number, address, token],
    );
  } finally {
    await context.close();
  }
}

const socketOf = (address) => `${address.replace("http", "ws")}/v1/events`;

describe("why a page cannot connect", () => {
  test("no server answers", async () => {
    const { address, close } = await listen(createServer());
    await close();
    const report = await attempt(2, address);
    assert.equal(report.state, "reconnecting");
    assert.deepEqual([report.name, report.code, report.retryable], ["ConnectionError", "networkError", true]);
    assert.ok(report.message.startsWith(`could not connect to ${socketOf(address)}: no server answers at ${address}`), report.message);
    assert.deepEqual(report.context, { address: socketOf(address), closeCode: "1006" });
    assert.ok(report.failedAttempt.nextAttemptAt > 0);
    assert.equal(report.probes, 4, "at most two questions for each of the two attempts");
  });

  test("a server answers that is not a gateway, whether or not it lets the page read", async () => {
    for (const headers of [{}, { "access-control-allow-origin": "*" }]) {
      const { address, close } = await listen(createServer((_, response) => response.writeHead(404, headers).end("no")));
      const report = await attempt(1, address);
      await close();
      assert.equal(report.state, "reconnecting");
      assert.equal(report.message, `could not connect to ${socketOf(address)}: ${address} answers, but it is not an im-chats gateway`);
    }
  });

  test("the gateway refuses the page's origin", async () => {
    const gateway = await startGateway({ args: ["--strict-origins"] });
    const report = await attempt(1, gateway.address, gateway.token);
    await gateway.stop();
    assert.equal(report.state, "failed", "only a restart of the gateway would help");
    assert.deepEqual([report.name, report.code, report.probes], ["AuthenticationError", "unauthorized", 1]);
    assert.ok(report.message.startsWith(`could not connect to ${socketOf(gateway.address)}: `), report.message);
    assert.ok(report.message.includes(`--allow-origin ${site.origin}`), report.message);
    assert.equal(report.end, report.message, "the loop learns it, too");
    assert.match(gateway.log(), new RegExp(`refused this origin.*${site.origin}`));
  });

  test("the gateway is there, and a proxy does not pass WebSockets", async () => {
    const gateway = await startGateway();
    const proxy = createServer(async (request, response) => {
      const { headers } = request;
      const answer = await fetch(new URL(request.url, gateway.address), { headers: { origin: headers.origin } });
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    });
    const { address, close } = await listen(proxy);
    const report = await attempt(1, address, gateway.token);
    await close();
    await gateway.stop();
    assert.match(report.message, /the gateway at http:\S+ answers, but the WebSocket did not open; check that every proxy/);
  });

  test("a page of this machine needs no option of the emulator", async () => {
    const gateway = await startGateway();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(site.origin);
    const count = await page.evaluate(
      async ([address, token]) => {
        const { createClient } = await import("im-chats");
        const im = createClient({ address, token });
        await im.chats.subscribeEvents().ready;
        return im.chats.count();
      },
      [gateway.address, gateway.token],
    );
    assert.equal(count, 0);
    await context.close();
    await gateway.stop();
  });
});
