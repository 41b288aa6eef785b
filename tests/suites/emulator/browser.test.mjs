// The emulator in a page of Chromium and in a worker: the conformance program, and what IndexedDB keeps.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { contentType } from "../support/content-type.mjs";
import { listen } from "../support/server.mjs";

const packageDir = dirname(createRequire(join(process.env.IM_CHATS_PROJECT, "package.json")).resolve("im-chats/package.json"));

/** Nothing but this server's own files: an emulator asks nobody. `127.0.0.1:1` is where the program looks for a server that is not there. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' http://127.0.0.1:1";

let server;
let browser;

before(async () => {
  server = await listen(
    createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://localhost");
      const [, folder, name] = /^\/(im-chats|suites)\/([\w./-]+)$/.exec(pathname) ?? [];
      const file = folder === "im-chats" ? join(packageDir, name) : folder && new URL(`../${name}`, import.meta.url);
      const body = pathname === "/" ? PAGE : file && (await readFile(file).catch(() => undefined));
      if (body === undefined) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": contentType(pathname === "/" ? "/x.html" : pathname), "content-security-policy": POLICY }).end(body);
    }),
  );
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const PAGE = `<!doctype html><meta charset="utf-8"><title>emulator</title><link rel="icon" href="data:,">
<script type="module" src="/suites/emulator/page.mjs"></script>`;

/** Runs a job in a page, and complains of what the page does. */
async function inPage(use) {
  const opened = await openPage(browser);
  await opened.page.goto(server.address);
  await opened.page.waitForFunction(() => typeof globalThis.run === "function");
  try {
    return await use((name, input) => opened.page.evaluate(([name, input]) => globalThis.run(name, input), [name, input]), opened.page);
  } finally {
    await opened.close();
  }
}

/** The same in a worker of the page. */
const inWorker = (page, name) =>
  page.evaluate(
    (name) =>
      new Promise((resolve, reject) => {
        const worker = new Worker("/suites/emulator/page.mjs", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage([name]);
      }),
    name,
  );

const failed = (report) => report.filter(({ error }) => error);

test("a page that conforms to the service conforms to the emulator in it", async () => {
  assert.deepEqual(failed(await inPage((run) => run("conform"))), []);
});

test("so does a worker", async () => {
  assert.deepEqual(failed(await inPage((_, page) => inWorker(page, "conform"))), []);
});

test("what was answered is there when the page is opened again", async () => {
  await inPage(async (run, page) => {
    const written = await run("kept", { persist: "mine", text: "Remember me" });
    assert.deepEqual(written.found, [300_001, "Remember me"]);
    await page.reload();
    await page.waitForFunction(() => typeof globalThis.run === "function");
    assert.deepEqual(await run("kept", { persist: "mine" }), written);
    assert.deepEqual((await run("kept", { persist: "another" })).found, []);
  });
});

test("a database that is not an emulator's is refused and left as it is", async () => {
  await inPage(async (run, page) => {
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          const request = indexedDB.open("foreign", 1);
          request.onupgradeneeded = () => request.result.createObjectStore("notes").put("precious", 1);
          request.onsuccess = () => resolve(request.result.close());
        }),
    );
    const [isOurs, code, message] = await run("refused", { persist: "foreign" });
    assert.deepEqual([isOurs, code], [true, "databaseError"]);
    assert.match(message, /"foreign".*deleteDatabase/s);
    const note = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const request = indexedDB.open("foreign");
          request.onsuccess = () => (request.result.transaction("notes").objectStore("notes").get(1).onsuccess = ({ target }) => resolve(target.result));
        }),
    );
    assert.equal(note, "precious");
  });
});

test("a journal that is not what was written is refused", async () => {
  await inPage(async (run, page) => {
    await run("kept", { persist: "broken", text: "Hi" });
    for (const [spoil, what] of [["put", /entry 1/], ["delete", /entry 1/]]) {
      await page.evaluate(
        (spoil) =>
          new Promise((resolve) => {
            indexedDB.open("broken").onsuccess = ({ target: { result } }) => {
              const transaction = result.transaction("entries", "readwrite");
              const entries = transaction.objectStore("entries");
              if (spoil === "put") entries.put("{", 1);
              else entries.delete(1);
              transaction.oncomplete = () => resolve(result.close());
            };
          }),
        spoil,
      );
      const [, code, message] = await run("refused", { persist: "broken" });
      assert.equal(code, "databaseError");
      assert.match(message, what);
    }
  });
});

test("of two that have one database, the second one's write is refused and has not happened", async () => {
  assert.deepEqual(await inPage((run) => run("twice", { persist: "shared" })), ["databaseError", 0]);
});
