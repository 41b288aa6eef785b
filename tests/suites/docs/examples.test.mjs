// The examples run: installed as a user would, against the real gateway.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { startGateway } from "../support/gateway.mjs";

const run = promisify(execFile);

test("the tour of examples/node does all that it says", async () => {
  const gateway = await startGateway();
  // Inside the project, so that `im-chats` is the package installed there and not a link into the repository.
  const folder = await mkdtemp(join(process.env.IM_CHATS_PROJECT, "tour-"));
  try {
    await cp(join(process.env.IM_CHATS_ROOT, "examples/node"), folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    const env = { ...process.env, IM_CHATS_ADDRESS: gateway.address, IM_CHATS_TOKEN: gateway.token };
    const { stdout, stderr } = await run(process.execPath, ["tour.mjs"], { cwd: folder, env, timeout: 60_000 });
    assert.equal(stderr, "");
    const lines = stdout.trim().split("\n");
    const said = (start) => lines.filter((line) => line.startsWith(start));
    assert.match(said("created")[0], /^created any;-;alice@example\.com with the message \S+$/);
    assert.match(said("created")[1], /^created any;\+;\S+ \(a group\)$/);
    assert.deepEqual(said("count"), ["count 2 of 2"]);
    assert.deepEqual(said("background"), ["background true", "background false"]);
    assert.deepEqual(
      said("event").map((line) => line.replace(/\d+ /, "")),
      ["event chat.backgroundChanged (by me)", "event chat.backgroundRemoved (by me)"],
    );
    assert.match(said("refused")[0], /^refused invalidArgument/);
    assert.deepEqual(said("not found"), ["not found chatNotFound"]);
    assert.match(said("history")[0], /^history \d+ events, up to \d+$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await gateway.stop();
  }
});

test("without a token the tour says what to do", async () => {
  const tour = join(process.env.IM_CHATS_ROOT, "examples/node/tour.mjs");
  const folder = await mkdtemp(join(process.env.IM_CHATS_PROJECT, "tour-"));
  try {
    await cp(tour, join(folder, "tour.mjs"));
    const env = { ...process.env, IM_CHATS_TOKEN: "" };
    const failed = await run(process.execPath, ["tour.mjs"], { cwd: folder, env }).catch((error) => error);
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /IM_CHATS_TOKEN/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
