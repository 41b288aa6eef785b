// im-chats/react in Chromium: an app of React 18 and one of 19, against the real gateway.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";
import { eventually } from "../support/until.mjs";
import { bundle, project, REACTS } from "./build.mjs";

let browser;
let gateway;
let folder;
let site;

/** The page of each version. */
const pages = {};

before(async () => {
  browser = await launchBrowser();
  gateway = await startGateway();
  folder = await mkdtemp(join(project, "react-"));
  for (const major of Object.keys(REACTS)) {
    pages[major] = await readFile(await bundle("page.jsx", { major, outfile: join(folder, `page-${major}.js`) }));
  }
  site = await listen(
    createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url, "http://page");
      const major = pathname.slice(1).replace(".js", "");
      if (pathname.endsWith(".js")) return response.writeHead(200, { "content-type": "text/javascript" }).end(pages[major]);
      const scene = searchParams.get("server");
      const html = scene ? await rendered(major, scene) : "";
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="root">${html}</div><script type="module" src="/${major}.js"></script>`);
    }),
  );
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What a server of this version sends. */
async function rendered(major, scene) {
  const outfile = join(folder, `server-${major}.mjs`);
  await bundle("server.jsx", { major, platform: "node", outfile });
  return (await import(pathToFileURL(outfile).href)).html(scene);
}

const elsewhere = async (path, body) => {
  const [status, answer] = await gateway.call("POST", `/emulator/v1/${path}`, body);
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
};
const receive = (who, text) => elsewhere("messages:receive", { chatGuid: `any;-;${who}`, from: who, text });

/** How many streams are open at the server. */
const subscriptions = async () => {
  const answer = await fetch(`${gateway.address}/metrics`, { headers: { authorization: `Bearer ${gateway.token}` } });
  return Number(/^im_chats_open_subscriptions (\d+)$/m.exec(await answer.text())[1]);
};

let people = 0;
/** People who wrote just now, so that theirs are the first chats: the last one's is at the top. */
const correspondents = async (count) => {
  const who = Array.from({ length: count }, () => `p${++people}@example.com`);
  for (const each of who) {
    const [status] = await gateway.call("POST", "/v1/chats", { addresses: [each] });
    assert.equal(status, 200);
    await receive(each, `hello from ${each}`);
  }
  return who;
};

for (const major of Object.keys(REACTS)) {
  /** A page with the app, whose complaints have to be none in the end. */
  const inPage = async (use, { token = gateway.token, server, expected = [] } = {}) => {
    const { page, complaints, close } = await openPage(browser);
    try {
      await page.goto(`${site.address}/${major}?${new URLSearchParams({ address: gateway.address, token, ...(server && { server }) })}`);
      await page.waitForFunction(() => globalThis.app);
      const tools = {
        page,
        render: (scene, props) => page.evaluate(([scene, props]) => app.render(scene, props), [scene, props]),
        says: (selector, text) => page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent.trim() === text, [selector, text], { timeout: 20_000 }),
        first: (guid) => page.waitForFunction((guid) => document.querySelector("#chats li")?.dataset.guid === guid, guid, { timeout: 20_000 }),
      };
      await use(tools);
      assert.deepEqual(complaints.filter((complaint) => !expected.some((words) => complaint.includes(words))), []);
    } finally {
      await close();
    }
    await eventually("the page's stream is gone", 10_000, async () => (await subscriptions()) === 0);
  };

  describe(`React ${major}`, () => {
    test("shows the chats, takes one with a new message to the top, and renders no other row", () =>
      inPage(async ({ page, render, first, says }) => {
        const [anna, bert] = await correspondents(2);
        await render("list");
        await first(`any;-;${bert}`);
        assert.ok((await page.evaluate(() => app.version)).startsWith(major));
        await says(`li[data-guid="any;-;${anna}"] b`, "1");
        await says("#connection", "live");
        assert.equal(await subscriptions(), 1, "StrictMode mounts twice, and opens one stream");
        const rows = () => page.evaluate(() => structuredClone(app.seen.rows));
        const before = await rows();
        await receive(anna, "again");
        await first(`any;-;${anna}`);
        await says(`li[data-guid="any;-;${anna}"] b`, "2");
        await says(`li[data-guid="any;-;${anna}"] i`, "again");
        const now = await rows();
        const changed = Object.keys(now).filter((guid) => now[guid] !== before[guid]);
        assert.deepEqual(changed, [`any;-;${anna}`]);
        await elsewhere("chats:markRead", { chatGuid: `any;-;${anna}` });
        await says(`li[data-guid="any;-;${anna}"] b`, "");
        await elsewhere("chats:archive", { chatGuid: `any;-;${anna}` });
        await first(`any;-;${bert}`);
        await render("archived");
        await page.waitForSelector(`#archived li[data-guid="any;-;${anna}"]`);
      }));

    test("shows a conversation, and follows the guid", () =>
      inPage(async ({ page, render, says }) => {
        const [anna, bert] = await correspondents(2);
        await render("conversation", { guid: `any;-;${anna}` });
        await says("#messages", `hello from ${anna}`);
        await receive(anna, "two");
        await says("#messages li:nth-child(2)", "two");
        await render("conversation", { guid: `any;-;${bert}` });
        await says("#messages", `hello from ${bert}`);
        assert.equal(await subscriptions(), 1);
        await render("both", { guid: `any;-;${bert}` });
        await page.waitForSelector(`#chats li[data-guid="any;-;${bert}"]`);
        assert.equal(await subscriptions(), 1, "all hooks share one stream");
      }));

    test("closes the stream once it is unmounted, and not the client", () =>
      inPage(async ({ page, render, first }) => {
        const [anna] = await correspondents(1);
        await render("list");
        await first(`any;-;${anna}`);
        await page.evaluate(() => app.unmount());
        await eventually("there is no stream", 10_000, async () => (await subscriptions()) === 0);
        assert.equal(typeof (await page.evaluate(() => app.client.chats.count())), "number");
        await render("list");
        await first(`any;-;${anna}`);
      }));

    test("takes another client, and closes what it had open for the one before", () =>
      inPage(async ({ page, render, first }) => {
        const [anna] = await correspondents(1);
        await render("list");
        await first(`any;-;${anna}`);
        await page.evaluate(() => app.changeClient("list"));
        await eventually("each inbox was seen", 10_000, () => page.evaluate(() => app.seen.inboxes.size === 2));
        await first(`any;-;${anna}`);
        await eventually("there is one stream", 10_000, async () => (await subscriptions()) === 1);
        await receive(anna, "to the other one");
        await page.waitForFunction(() => document.querySelector("#chats li i").textContent === "to the other one");
      }));

    for (const scene of ["suspense", "suspenseOutside"]) {
      test(`waits in Suspense, ${scene === "suspense" ? "below" : "above"} the provider`, () =>
        inPage(async ({ page, render, first, says }) => {
          const [anna] = await correspondents(1);
          await render(scene);
          await first(`any;-;${anna}`);
          await says("#status", "ready");
          assert.ok((await page.evaluate(() => app.seen.fallbacks)) > 0);
          assert.equal(await page.locator("#fallback").count(), 0);
          await receive(anna, "live");
          await says("#chats li i", "live");
          assert.equal(await subscriptions(), 1);
          const fallbacks = await page.evaluate(() => app.seen.fallbacks);
          await page.getByRole("button", { name: "Again" }).click();
          await receive(anna, "after it was read again");
          await says("#chats li i", "after it was read again");
          assert.equal(await page.evaluate(() => app.seen.fallbacks), fallbacks, "what is shown stays while it is read again");
        }));
    }

    test("says in its state what failed, and goes on with reload once the token is another one", () =>
      inPage(
        async ({ page, render, says, first }) => {
          const [anna] = await correspondents(1);
          await render("list");
          await says("#status", "error");
          assert.match(await page.textContent("#error"), /token/);
          await page.evaluate((token) => app.setToken(token), gateway.token);
          await page.getByRole("button", { name: "Again" }).click();
          await first(`any;-;${anna}`);
          await says("#status", "ready");
        },
        { token: "wrong", expected: ["401", "WebSocket"] },
      ));

    test("throws errors for a boundary, which tries again", () =>
      inPage(
        async ({ page, render, first }) => {
          const [anna] = await correspondents(1);
          await render("errors");
          await page.waitForSelector("#caught");
          await page.evaluate((token) => app.setToken(token), gateway.token);
          await page.getByRole("button", { name: "Retry" }).click();
          await first(`any;-;${anna}`);
        },
        { token: "wrong", expected: ["401", "WebSocket", "token", "Boundary", "%o"] },
      ));

    test("tries again when it is mounted again, after a request that failed while it was away", () =>
      inPage(
        async ({ page, render, first }) => {
          const [anna] = await correspondents(1);
          const isList = ({ pathname }) => pathname === "/v1/chats";
          const asked = [];
          await page.route(isList, (route) => void asked.push(route));
          await render("errors");
          await eventually("it is asked for", 10_000, () => asked.length > 0);
          await render("nothing");
          await eventually("nobody looks any more", 10_000, async () => (await subscriptions()) === 0);
          for (const route of asked) await route.abort();
          await page.waitForFunction(() => [...app.seen.inboxes].some((inbox) => inbox.chats().get().status === "error"));
          await page.unroute(isList);
          await render("errors");
          await first(`any;-;${anna}`);
        },
        { expected: ["net::"] },
      ));

    test("gives each event to the handler of the last render, once and in order", () =>
      inPage(async ({ page, render, says }) => {
        const [anna, bert] = await correspondents(2);
        await render("events");
        await eventually("it listens", 10_000, async () => (await subscriptions()) === 1);
        const chatGuid = `any;-;${anna}`;
        for (const [index, what] of ["archive", "unarchive", "markRead"].entries()) {
          await elsewhere(`chats:${what}`, { chatGuid });
          // Two events between two renders have the same handler.
          await says("#count", String(index + 1));
        }
        assert.deepEqual(await page.evaluate(() => app.seen.events), ["0 chat.archived", "1 chat.unarchived", "2 chat.markedRead"]);
        await page.evaluate(() => void (app.seen.events.length = 0));
        await render("oneChatsEvents", { guid: `any;-;${bert}` });
        await page.waitForFunction(() => app.seen.isListening);
        await elsewhere("chats:archive", { chatGuid });
        await elsewhere("chats:archive", { chatGuid: `any;-;${bert}` });
        await page.waitForFunction(() => app.seen.events.length > 0);
        assert.deepEqual(await page.evaluate(() => app.seen.events), ["chat.archived"]);
      }));

    test("loses no event that comes between a render and its effects", () =>
      inPage(async ({ page, render, says }) => {
        const [anna] = await correspondents(1);
        const { poll } = await elsewhere("polls:create", { chatGuid: `any;-;${anna}`, title: "Lunch?", options: ["Pizza", "Sushi"], actor: anna });
        // No other component shows anything that changes: that would make React begin this render once more.
        const vote = (option) => elsewhere("polls:vote", { pollMessageGuid: poll.pollMessageGuid, optionIdentifier: `option-${option}`, actor: anna });
        await render("between", { isStrict: false });
        await eventually("it listens", 10_000, async () => (await subscriptions()) === 1);
        await page.evaluate(() => app.renderSlowly("between", { isStrict: false, isSlow: true }));
        await page.waitForFunction(() => app.seen.isRendering);
        await vote(1);
        await says("#count", "1");
        assert.ok(await page.evaluate(() => app.seen.arrived < app.seen.committed), "it came in time for this test");
        await vote(2);
        await says("#count", "2");
        assert.deepEqual(await page.evaluate(() => app.seen.events), ["0 poll.changed", "1 poll.changed"]);
      }));

    test("takes over what a server made, which opens nothing", () =>
      inPage(
        async ({ page, first, says }) => {
          const [anna] = await correspondents(1);
          assert.equal(await page.textContent("#status"), "loading");
          assert.equal(await subscriptions(), 0);
          await page.evaluate(() => app.hydrate("list"));
          await first(`any;-;${anna}`);
          await says("#status", "ready");
          assert.deepEqual(await page.evaluate(() => app.recovered), []);
        },
        { server: "list" },
      ));

    test("waits in Suspense after it took over what a server made", () =>
      inPage(
        async ({ page, first }) => {
          const [anna] = await correspondents(1);
          await page.evaluate(() => app.hydrate("suspense"));
          await first(`any;-;${anna}`);
          assert.deepEqual(await page.evaluate(() => app.recovered), []);
        },
        { server: "suspense" },
      ));
  });
}
