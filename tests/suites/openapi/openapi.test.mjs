// The gateway's OpenAPI document is true: clients that others' programs make of it work, and what schemathesis sends at random is
// answered as described. For the emulator, and for a relay in front of one.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startGateway, startRelay } from "../support/gateway.mjs";

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { IM_CHATS_OPENAPI: tools, IM_CHATS_VENV: venv } = process.env;
const node = (path) => join(tools, "node_modules", path);
const python = (program) => join(venv, "bin", program);

/** Cases of each operation that schemathesis makes at random, beside those it makes by rule. */
const CASES = 25;

/**
 * What the clients here call, and schemathesis asks: chats, tokens, health, and the control plane of chats. The operations on messages, groups,
 * polls and attachments are described, so the clients are made with them; `interop` calls all of them with the service's own SDK.
 */
const CALLED = /^\/(v1\/(chats|tokens)|healthz|emulator\/v1\/(chats(?!:typing)|messages:receive$|events))/;

/** A command's output; a failure shows all of it. */
async function output(program, args, options = {}) {
  const ended = await run(program, args, { timeout: 170_000, maxBuffer: 64 * 1024 * 1024, ...options }).catch((error) => error);
  assert.ok(!ended.code && !ended.killed, `${program} ${args.join(" ")}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

let folder;
let emulator;
let relay;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "im-chats-openapi-"));
  emulator = await startGateway();
  relay = await startRelay(emulator);
});

after(async () => {
  await relay?.stop();
  await emulator?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

for (const mode of ["emulator", "relay"]) {
  describe(mode, () => {
    let gateway;
    let document;
    let operations;
    const own = (path) => join(folder, mode, path);

    before(async () => {
      gateway = mode === "relay" ? relay : emulator;
      document = await (await fetch(`${gateway.address}/openapi.json`)).json();
      operations = Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, { operationId }]) => ({ path, line: `${method} ${path}`, operationId })),
      );
      await mkdir(own("typescript"), { recursive: true });
      await writeFile(own("openapi.json"), JSON.stringify(document));
    });

    const called = () => operations.filter(({ path }) => CALLED.test(path));

    test("the document says where the service is, and only the rules of this mode", () => {
      assert.deepEqual(document.servers, [{ url: "/" }]);
      const text = JSON.stringify(document);
      assert.equal(/emulator\/v1/.test(text), mode === "emulator");
      assert.equal(document.components.schemas.CreateChatRequest.properties.addresses.maxItems, mode === "emulator" ? 31 : undefined);
      assert.equal(operations.length, mode === "emulator" ? 59 : 48);
      assert.equal(called().length, mode === "emulator" ? 21 : 12);
    });

    test("what only this gateway has is marked", () => {
      const marked = operations.filter(({ path, line }) => document.paths[path][line.split(" ")[0]]["x-im-chats-extension"]);
      assert.deepEqual(marked.map(({ line }) => line), ["get /v1/chats"]);
    });

    test("a client of openapi-typescript and openapi-fetch is made of all of it, and calls every operation on chats", async () => {
      const source = own("typescript");
      await cp(here("typescript/program.ts"), join(source, "program.ts"));
      await cp(here(`typescript/control-${mode}.ts`), join(source, "control.ts"));
      await writeFile(join(source, "package.json"), '{ "type": "module" }');
      await symlink(join(tools, "node_modules"), join(source, "node_modules"));
      await output(process.execPath, [node("openapi-typescript/bin/cli.js"), own("openapi.json"), "-o", join(source, "schema.ts")]);
      const strict = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck", "--types", "node"];
      const types = ["--typeRoots", join(process.env.IM_CHATS_ROOT, "node_modules/@types")];
      await output(process.execPath, [node("typescript/bin/tsc"), ...strict, ...types, join(source, "program.ts")]);
      const printed = await output(process.execPath, [join(source, "program.js"), gateway.address, gateway.token]);
      assert.deepEqual(JSON.parse(printed), called().map(({ line }) => line).sort());
    });

    test("a client of openapi-python-client is made of all of it, and calls every operation on chats", async () => {
      await writeFile(own("config.yml"), "package_name_override: gateway_client\npost_hooks: []\n");
      const out = own("python/gateway_client");
      await mkdir(own("python"), { recursive: true });
      const arguments_ = ["generate", "--path", own("openapi.json"), "--meta", "none", "--output-path", out, "--config", own("config.yml"), "--fail-on-warning"];
      await output(python("openapi-python-client"), arguments_);
      const printed = await output(python("python"), [here("client.py"), own("python"), gateway.address, gateway.token]);
      const snake = called().map(({ operationId }) => operationId.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
      assert.deepEqual(printed.trim().split("\n"), snake.sort());
    });

    test("schemathesis finds no undocumented status, no other shape, nothing wrong accepted or right refused, and no 5xx", async () => {
      await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
      // The same cases in every run.
      const options = ["--checks", "all", "--seed", "1", "--max-examples", `${CASES}`, "--request-timeout", "30", "--include-path-regex", CALLED.source, "--output-truncate", "false", "--no-color"];
      await output(python("schemathesis"), ["run", `${gateway.address}/openapi.json`, "--header", `Authorization: Bearer ${gateway.token}`, ...options], {
        cwd: own("."),
        env: { ...process.env, PYTHONPATH: here("."), PYTHONDONTWRITEBYTECODE: "1", SCHEMATHESIS_HOOKS: "hooks" },
      });
    });
  });
}
