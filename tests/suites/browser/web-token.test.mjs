// examples/web-token in Chromium, as its README says: built by Vite, served by its back end, in front of a gateway that has its key.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { launchBrowser, openPage } from "../support/browser.mjs";
import { listeningAddress } from "../support/child.mjs";
import { startGateway } from "../support/gateway.mjs";

const ALICE = "any;-;alice@example.com";
const BOB = "any;-;bob@example.com";

const { IM_CHATS_ROOT: root, IM_CHATS_PROJECT: project, IM_CHATS_BUNDLERS: bundlers } = process.env;

let browser;
let folder;
let signToken;
let key;

before(async () => {
  // Inside the project, so that `im-chats` is the package installed there.
  folder = await mkdtemp(join(project, "web-token-"));
  await cp(join(root, "examples/web-token"), folder, { recursive: true, filter: (path) => !/node_modules|dist$/.test(path) });
  // As a user makes it, with a line break at its end.
  key = randomBytes(32).toString("base64");
  await writeFile(join(folder, "token.key"), `${key}\n`, { mode: 0o600 });
  await promisify(execFile)(join(root, "node_modules/.bin/tsc"), ["--project", folder], { cwd: folder });
  const vite = await import(pathToFileURL(createRequire(join(bundlers, "package.json")).resolve("vite")).href);
  await vite.build({ root: folder, logLevel: "warn" });
  ({ signToken } = await import(pathToFileURL(join(folder, "token.mjs")).href));
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

let gateway;
let backEnd;
let denied;

beforeEach(async () => {
  denied = join(folder, `denied-${randomBytes(4).toString("hex")}.jsonl`);
  await writeFile(denied, "", { mode: 0o600 });
  gateway = await startGateway({ args: ["--token-key", `web=HS256:${join(folder, "token.key")}`, "--token-deny", denied] });
  for (const address of ["alice@example.com", "bob@example.com"]) {
    assert.equal((await gateway.call("POST", "/v1/chats", { addresses: [address] }))[0], 200);
  }
  const env = { ...process.env, TOKEN_KEY_FILE: join(folder, "token.key"), IM_CHATS_ADDRESS: gateway.address, PORT: "0" };
  const child = spawn(process.execPath, ["server.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const address = await listeningAddress(child, exited, () => "");
  backEnd = { address, stop: () => (child.kill(), exited) };
});
afterEach(async () => {
  await backEnd?.stop();
  await gateway?.stop();
});

/** The page, once `name` signed in. `use` is given it, and a function that waits for a text of an element. */
async function signedIn(name, use) {
  const { page, complaints, close } = await openPage(browser);
  const says = async (selector, words) => {
    await page.waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), [selector, words.source], { timeout: 20_000 });
    return page.textContent(selector);
  };
  try {
    await page.goto(backEnd.address);
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill(`${name}-demo`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await use(page, says, complaints);
  } finally {
    await close();
  }
}

const archive = async (chatGuid) => assert.equal((await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid }))[0], 200);

/** The token of a page of Ann's that was signed an hour ago. */
function endedToken() {
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  try {
    return signToken(key, { sub: "ann", scope: ["chats:read", "events"], chats: [ALICE], ttlSeconds: 300 });
  } finally {
    Date.now = now;
  }
}

test("a wrong password gives no token", async () => {
  const post = (path, body) => fetch(new URL(path, backEnd.address), { method: "POST", ...(body && { body: JSON.stringify(body) }) });
  assert.equal((await post("/sign-in", { name: "ann", password: "ben-demo" })).status, 403);
  assert.equal((await post("/sign-in", { name: "nobody", password: "" })).status, 403);
  assert.equal((await post("/token")).status, 401);
});

test("a user sees their own chats, live, and nothing of the others'", () =>
  signedIn("ann", async (page, says, complaints) => {
    await says("#state", /^live$/);
    await says("#chats", /^Alice$/);
    // The other one first: had it been for this page, it would have come first.
    await archive(BOB);
    await archive(ALICE);
    assert.equal(await says("#events", /archived/), `${ALICE} chat.archived`);
    assert.equal(await page.textContent("#problem"), "");
    assert.deepEqual(complaints, []);
  }));

test("another user's chat is refused, and the page says so", () =>
  signedIn("ann", async (page, says) => {
    await says("#state", /^live$/);
    const open = async (guid) => {
      await page.getByLabel("Chat").fill(guid);
      await page.getByRole("button", { name: "Open a chat" }).click();
    };
    await open(BOB);
    await says("#problem", /not for this chat \(any;-;bob@example\.com\); get a token that allows it$/);
    assert.equal(await page.textContent("#opened"), "");
    assert.equal(await page.textContent("#state"), "live", "the stream goes on");
    await open(ALICE);
    assert.equal(await says("#opened", /./), `opened ${ALICE}`);
    assert.equal(await page.textContent("#problem"), "");
  }));

test("a token that has ended is told, and a fresh one makes it live again", async () => {
  const ended = endedToken();
  await signedIn("ann", async (page, says) => {
    await says("#state", /^live$/);
    await page.route("**/token", (route) => route.fulfill({ json: { token: ended } }));
    await page.reload();
    await says("#problem", /the token has ended.*; the token function must fetch a fresh one each time$/);
    assert.equal(await says("#state", /^failed$/), "failed");
    await page.unroute("**/token");
    await page.getByRole("button", { name: "Try again" }).click();
    await says("#state", /^live$/);
    assert.equal(await page.textContent("#problem"), "");
  });
});

test("tokens that are withdrawn end the open page of that user, and no other's", () =>
  signedIn("ben", async (_, othersSay) => {
    await othersSay("#state", /^live$/);
    await signedIn("ann", async (page, says) => {
      await says("#state", /^live$/);
      await appendFile(denied, '{"sub":"ann"}\n');
      await says("#problem", /; sign in again$/);
      assert.equal(await says("#state", /^failed$/), "failed");
      // Nor does a fresh token of hers help.
      await page.getByRole("button", { name: "Try again" }).click();
      await says("#state", /^failed$/);
      await says("#problem", /; sign in again$/);
    });
    await archive(BOB);
    assert.equal(await othersSay("#events", /archived/), `${BOB} chat.archived`);
  }));
