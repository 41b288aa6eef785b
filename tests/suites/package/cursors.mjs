// What tests of cursors share: a gateway, a client with a chat and an empty folder, stores in memory, and runs of a program.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";

import { createClient } from "im-chats";

import { startGateway } from "../support/gateway.mjs";

export let gateway;
export let im;
export let chat;
export let folder;

before(async () => {
  gateway = await startGateway();
});
after(() => gateway.stop());

/** Closes the client, whatever its streams say to that, and makes a new one. */
export async function renewClient() {
  await im?.close().catch(() => {});
  im = createClient({ address: gateway.address, token: gateway.token });
}

beforeEach(async () => {
  await renewClient();
  ({ chat } = await im.chats.create(["alice@example.com"]));
  folder = await mkdtemp(join(tmpdir(), "im-chats-cursor-"));
});
afterEach(async () => {
  await im.close().catch(() => {});
  await rm(folder, { recursive: true, force: true });
});

/** Two events. */
export async function toggle(times = 1) {
  for (let time = 0; time < times; time += 1) {
    for (const what of ["archive", "unarchive"]) {
      const [status] = await gateway.call("POST", `/emulator/v1/chats:${what}`, { chatGuid: chat.guid });
      assert.equal(status, 200);
    }
  }
}

export const sequenceOf = (cursor) => Number(cursor.split("@")[0]);

/** A store in memory, which tells what happens to it. */
export function memory(saved) {
  const store = {
    saved,
    saves: [],
    load: () => store.saved,
    save: async (cursor) => {
      store.saves.push(cursor);
      store.saved = cursor;
    },
  };
  return store;
}

/** One run of a program: handles `count` events (or none), then ends as `end` says; gives the sequences it handled. */
export async function program(store, count, end) {
  const client = createClient({ address: gateway.address, token: gateway.token });
  const controller = new AbortController();
  const handled = [];
  const stream = client.chats.subscribeEvents({ cursor: store, signal: controller.signal });
  await stream.ready;
  const loop = (async () => {
    if (count === 0) return;
    for await (const event of stream) {
      handled.push(event.sequence);
      if (handled.length === count) await end?.({ stream, client, controller });
    }
  })().catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
  if (count > 0) await loop;
  await client.close();
  return handled;
}

export const ends = {
  "stream.close() while an event is handled": ({ stream }) => void stream.close(),
  "im.close() while an event is handled": ({ client }) => void client.close(),
  "its signal while an event is handled": ({ controller }) => controller.abort(),
  "stream.close() while it waits": ({ stream }) => void setImmediate(() => stream.close()),
  "im.close() while it waits": ({ client }) => void setImmediate(() => client.close()),
  "its signal while it waits": ({ controller }) => void setImmediate(() => controller.abort()),
};
