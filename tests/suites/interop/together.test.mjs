// All SDKs at one server at the same time: what one does the others see, to the millisecond.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startGateway } from "../support/gateway.mjs";
import { explanation } from "./differences.mjs";
import { differences } from "./outcome.mjs";
import { SDKS, openSdk } from "./sdk.mjs";
import { Heard, all } from "./world.mjs";

const LIVE = ["grpc", "ours"];
const ALICE = "any;-;alice@example.com";

let gateway;
const clients = {};
/** Resolves with the next heartbeat of their stream. */
let beat;

before(async () => {
  gateway = await startGateway({ args: ["--heartbeat-interval-ms", "100"] });
  for (const sdk of SDKS) {
    clients[sdk] = await openSdk(sdk, gateway.address, { token: gateway.token, onHeartbeat: () => beat?.() });
  }
});
after(async () => {
  for (const { im } of Object.values(clients)) await im.close();
  await gateway.stop();
});

function same(theirs, ours) {
  const [their, our] = [{ value: theirs }, { value: ours }];
  const unexplained = [...differences(their, our)].filter((found) => !explanation({ ...found, their, our }));
  assert.deepEqual(unexplained, []);
}

test("what one writes the others read, and see as it happens", async () => {
  const first = new Promise((resolve) => (beat = resolve));
  const heard = {};
  for (const sdk of LIVE) {
    const stream = clients[sdk].im.chats.subscribeEvents();
    heard[sdk] = new Heard(clients[sdk].module, stream);
    await (stream.ready ?? first);
  }
  const image = new Uint8Array(Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"));
  for (const sdk of SDKS) {
    const { im } = clients[sdk];
    await im.chats.create(["alice@example.com"], { message: `from ${sdk}` });
    await im.chats.setBackground(ALICE, image);
    for (const reader of SDKS) assert.equal(await clients[reader].im.chats.hasBackground(ALICE), true, `${reader} after ${sdk}`);
    await im.chats.removeBackground(ALICE);
    for (const reader of ["http", "grpc"]) same(await clients[reader].im.chats.get(ALICE), await clients.ours.im.chats.get(ALICE));
  }
  const [theirs, ours] = [await heard.grpc.first(6), await heard.ours.first(6)];
  assert.deepEqual(ours.map(({ type }) => type), Array(3).fill(["chat.backgroundChanged", "chat.backgroundRemoved"]).flat());
  same(theirs, ours);
  for (const sdk of LIVE) await heard[sdk].stop();
});

test("the log is the same to both, from every place in it", async () => {
  await clients.ours.im.chats.create(["bob@example.com"]);
  for (const path of ["chats:archive", "chats:unarchive"]) {
    await gateway.call("POST", `/emulator/v1/${path}`, { chatGuid: "any;-;bob@example.com", actor: "bob@example.com" });
  }
  const everything = await all(clients.ours.im.events.catchUp());
  const { headSequence } = everything.at(-1);
  for (const after of [undefined, 0, 1, headSequence - 1, headSequence]) {
    same(await all(clients.grpc.im.events.catchUp(after)), await all(clients.ours.im.events.catchUp(after)));
  }
});

test("a write begun with one SDK is the same write in another, over either transport", async () => {
  for (const [index, begun] of SDKS.entries()) {
    const options = { message: "once", clientMessageId: `order-${index}` };
    const { initialMessage } = await clients[begun].im.chats.create(["carol@example.com"], options);
    for (const retried of SDKS) {
      const again = await clients[retried].im.chats.create(["carol@example.com"], options);
      assert.equal(again.initialMessage.guid, initialMessage.guid, `${begun}, then ${retried}`);
      const other = clients[retried].im.chats.create(["carol@example.com"], { ...options, message: "twice" });
      await assert.rejects(other, { code: "duplicateMessage", grpcCode: 6 });
    }
  }
});
