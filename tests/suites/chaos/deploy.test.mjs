// The example in deploy/ is good: NATS takes its configuration, and a relay can do its work with the permissions in it, and no more
// than that.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { trusted } from "../support/certificate.mjs";
import { gatewayBinary, startGateway } from "../support/gateway.mjs";
import { natsBinary, startServer } from "../support/nats.mjs";
import { userKey } from "../support/nkey.mjs";
import { eventually } from "../support/until.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const example = join(root, "deploy/nats.conf");

let dir;
let key;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "im-chats-deploy-"));
  key = userKey(generateKeyPairSync("ed25519"));
  const files = { "server.pem": trusted.cert, "server.key": trusted.key, "ca.pem": trusted.ca, seed: key.seed };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dir, name), text, { mode: 0o600 });
  }
});

after(() => rm(dir, { recursive: true, force: true }));

/** The example with the files of this test. */
async function configuration(name, change = (text) => text) {
  const text = (await readFile(example, "utf8")).replaceAll("/etc/nats/", `${dir}/`).replaceAll("/var/lib/nats", join(dir, name));
  const file = join(dir, `${name}.conf`);
  await mkdir(join(dir, name), { recursive: true });
  await writeFile(file, change(text));
  return file;
}

const environment = () => ({ ...process.env, NATS_NAME: "nats-1", NATS_MONITOR: "127.0.0.1:-1", RELAY_NKEY: key.public });
const check = (file) => promisify(execFile)(natsBinary(), ["-t", "-c", file], { env: environment() }).catch((error) => error);

test("nats-server takes the configuration of deploy/", async () => {
  const checked = await check(await configuration("checked"));
  assert.equal(checked.code, undefined, checked.stderr);
  const broken = await check(await configuration("broken", (text) => text.replace("sync_interval: always", "sync_interval: sometimes")));
  assert.notEqual(broken.code, undefined, "a setting that is wrong is not seen");
});

test("every option in deploy/ and docs/scale-out.md is one of the relay's", async () => {
  const { stdout: help } = await promisify(execFile)(gatewayBinary(), ["relay", "--help"]);
  const known = new Set(help.match(/--[a-z][a-z-]+/g));
  for (const path of ["deploy/im-chats-relay.service", "docs/scale-out.md"]) {
    const options = (await readFile(join(root, path), "utf8")).match(/(?<!\S)`?--[a-z][a-z-]+/g).map((option) => option.replace("`", ""));
    assert.ok(options.length > 10, path);
    assert.deepEqual(options.filter((option) => !known.has(option)), [], path);
  }
});

test("a relay works with the permissions of deploy/, and is refused nothing", { timeout: 60_000 }, async () => {
  // One of the three, by itself and at ports of its own.
  const alone = (text) =>
    text.replace(/^cluster \{[^]*?^\}\n/m, "").replace('listen: "0.0.0.0:4222"', 'listen: "127.0.0.1:-1"');
  const nats = await startServer(await configuration("alone", alone), { env: environment() });
  const emulator = await startGateway();
  const args = [
    ...["--upstream", emulator.address, "--upstream-token", emulator.token, "--poll-interval-ms", "100", "--retain-events", "1"],
    ...["--log", `tls://localhost:${nats.address.split(":")[1]}`, "--log-name", "main", "--log-replicas", "1", "--lease-ms", "1000"],
    ...["--log-nkey", join(dir, "seed"), "--log-ca", join(dir, "ca.pem"), "--nats-monitor", nats.monitor],
  ];
  const relays = [];
  try {
    for (let index = 0; index < 2; index += 1) relays.push(await startGateway({ command: "relay", args, token: "t" }));
    await emulator.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
    const [, { last }] = await emulator.call("POST", "/emulator/v1/events:generate", { count: 2_000 });
    const has = (relay, sequence) =>
      eventually("the relay has the log", 20_000, async () => {
        const answer = await fetch(`${relay.address}/metrics`, { headers: { authorization: "Bearer t" } });
        return Number(/^im_chats_log_head_sequence (\d+)/m.exec(await answer.text())?.[1]) >= sequence;
      });
    for (const relay of relays) await has(relay, last);
    // The turn changes hands.
    await relays.shift().stop();
    const [, { last: later }] = await emulator.call("POST", "/emulator/v1/events:generate", { count: 100 });
    await has(relays[0], later);
    const refused = [...nats.log().split("\n"), ...relays[0].log().split("\n")].filter((line) => /violation|not permitted/i.test(line));
    assert.deepEqual(refused, []);
  } finally {
    for (const relay of relays) await relay.stop();
    await emulator.stop();
    await nats.close();
  }
});
