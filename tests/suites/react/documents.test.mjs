// The apps of docs/inbox.md: built by Vite as they are written there, and opened in Chromium.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { after, before, test } from "node:test";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { contentType } from "../support/content-type.mjs";
import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";
import { folder, load, project } from "./build.mjs";

const { IM_CHATS_ROOT: root } = process.env;

let browser;
let gateway;
let apps;

before(async () => {
  browser = await launchBrowser();
  gateway = await startGateway();
  apps = await mkdtemp(join(project, "documents-"));
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
  await rm(apps, { recursive: true, force: true });
});

/** The first block of a language. */
const example = async (language) => {
  const text = await readFile(join(root, "docs/inbox.md"), "utf8");
  const [, code] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(text);
  const replaced = code.replace('"http://127.0.0.1:8787"', JSON.stringify(gateway.address)).replace('"…"', JSON.stringify(gateway.token));
  assert.notEqual(replaced, code);
  return replaced;
};

const APPS = {
  React: { language: "jsx", file: "main.jsx", packages: ["react", "react-dom"], plugins: async () => [] },
  Vue: {
    language: "vue",
    file: "App.vue",
    packages: ["vue"],
    main: 'import { createApp } from "vue"; import App from "./App.vue"; createApp(App).mount("#root");',
    plugins: async () => [(await load("@vitejs/plugin-vue")).default()],
  },
  Svelte: {
    language: "svelte",
    file: "App.svelte",
    packages: ["svelte"],
    main: 'import { mount } from "svelte"; import App from "./App.svelte"; mount(App, { target: document.querySelector("#root") });',
    plugins: async () => [(await load("@sveltejs/vite-plugin-svelte")).svelte({ configFile: false })],
  },
};

/** Builds an app; the folder with what Vite made. */
async function built(name) {
  const { language, file, packages, main, plugins } = APPS[name];
  const app = join(apps, name);
  await mkdir(join(app, "node_modules"), { recursive: true });
  for (const each of packages) await symlink(join(folder, "node_modules", each), join(app, "node_modules", each));
  await writeFile(join(app, "package.json"), '{ "type": "module" }');
  await writeFile(join(app, file), await example(language));
  if (main) await writeFile(join(app, "main.js"), main);
  const script = main ? "main.js" : file;
  await writeFile(join(app, "index.html"), `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/${script}"></script>`);
  const { build } = await load("vite");
  // In a real project React stands beside the package; here it is the one of the app.
  await build({ root: app, configFile: false, logLevel: "error", plugins: await plugins(), oxc: { jsx: { runtime: "automatic" } }, resolve: { dedupe: packages } });
  return join(app, "dist");
}

for (const name of Object.keys(APPS)) {
  test(`the inbox in ${name} is live`, async () => {
    const dist = await built(name);
    const site = await listen(
      createServer(async (request, response) => {
        const path = normalize(new URL(request.url, "http://page").pathname).replace(/\/$/, "/index.html");
        const body = await readFile(join(dist, path)).catch(() => undefined);
        response.writeHead(body ? 200 : 404, { "content-type": contentType(path) }).end(body);
      }),
    );
    const { page, complaints, close } = await openPage(browser);
    try {
      const wrote = async (who, text) => {
        await gateway.call("POST", "/v1/chats", { addresses: [`${who}@example.com`] });
        const [status] = await gateway.call("POST", "/emulator/v1/messages:receive", { chatGuid: `any;-;${who}@example.com`, from: `${who}@example.com`, text });
        assert.equal(status, 200);
      };
      const [first, second] = [`${name}1`, `${name}2`].map((each) => each.toLowerCase());
      const top = (words) => page.waitForFunction((words) => words.every((word) => document.querySelector("li")?.textContent.includes(word)), words, { timeout: 20_000 });
      await wrote(first, "hello");
      await page.goto(site.address);
      await top(["hello", "1"]);
      await wrote(second, "a new chat");
      await top(["a new chat"]);
      await wrote(first, "first again");
      await top(["first again", "2"]);
      assert.deepEqual(complaints, []);
    } finally {
      await close();
      await site.close();
    }
  });
}
