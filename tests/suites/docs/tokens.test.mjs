// The programs of docs/security.md that sign a token run as they stand, and the gateway takes what they sign.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);
const root = process.env.IM_CHATS_ROOT;
const page = await readFile(join(root, "docs/security.md"), "utf8");
const programs = [...page.matchAll(/^```(mjs|python)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language, code }));

let folder;
let gateway;

before(async () => {
  // Inside the repository, where an import finds `jose`.
  await mkdir(join(root, "target"), { recursive: true });
  folder = await mkdtemp(join(root, "target/tokens-"));
  const pair = generateKeyPairSync("ed25519");
  await writeFile(join(folder, "id.pem"), pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(join(folder, "id.pub.pem"), pair.publicKey.export({ type: "spki", format: "pem" }));
  await writeFile(join(folder, "app.key"), `${randomBytes(48).toString("base64")}\n`);
  const keys = [`app=HS256:${join(folder, "app.key")}`, `id=EdDSA:${join(folder, "id.pub.pem")}`];
  gateway = await startGateway({ args: keys.flatMap((key) => ["--token-key", key]) });
  await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
});

after(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (token) =>
  fetch(new URL("/v1/chats:get?chatGuid=any;-;alice@example.com", gateway.address), { headers: { authorization: `Bearer ${token}` } });

test("the page has a program for node:crypto, for Python and for jose", () => {
  assert.deepEqual(
    programs.map(({ language, code }) => `${language} ${/node:crypto|hashlib|jose/.exec(code)?.[0]}`),
    ["mjs node:crypto", "python hashlib", "mjs jose"],
  );
});

for (const [index, { language, code }] of programs.entries()) {
  test(`program ${index + 1}, ${language}, signs a token that is good`, async () => {
    const file = join(folder, `program${index}.${language === "mjs" ? "mjs" : "py"}`);
    await writeFile(file, code);
    const { stdout } = await run(language === "mjs" ? process.execPath : "python3", [file], { cwd: folder, timeout: 30_000 });
    const token = stdout.trim();
    const answer = await ask(token);
    assert.equal(answer.status, 200, await answer.text());
    const [header, claims, signature] = token.split(".");
    const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url")), sub: "user-18" })).toString("base64url");
    assert.equal((await ask(`${header}.${other}.${signature}`)).status, 401);
  });
}

test("a made token is in the form that the page shows, and the audit log has what it says", { timeout: 30_000 }, async () => {
  const [status, made] = await gateway.call("POST", "/v1/tokens", { sub: "user-17", scope: "chats:read events", ttlSeconds: 900 });
  assert.equal(status, 200);
  assert.match(made.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  assert.equal((await ask(made.token)).status, 200);
  const [refused] = await gateway.call("POST", "/v1/tokens", { sub: "user-17", scope: "chats:read", chat: "x", ttlSeconds: 900 });
  assert.equal(refused, 400);
  const digest = createHash("sha256").update(gateway.token).digest("hex");
  while (!/audit.*invalidArgument/.test(gateway.log())) await new Promise((resolve) => setImmediate(resolve));
  assert.match(gateway.log(), new RegExp(`kid="static-${digest.slice(0, 4)}"`));
});
