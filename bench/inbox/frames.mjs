// `node frames.mjs PACKAGE`: what an inbox costs while 5,000 events come over 200 chats in 5 seconds, frame by frame. PACKAGE is the
// folder of an installed package.
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { chat, FakeClient, message } from "../../tests/suites/support/fake-client.mjs";

const [pkg] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(resolve(join(pkg, file))).href);
const [{ TypedEventStream }, { createInbox }] = [await load("node.js"), await load("inbox.js")];

const CHATS = 200;
const EVENTS = 5_000;
const SECONDS = 5;
const FRAME_MS = 1000 / 60;

const client = new FakeClient(TypedEventStream);
const guids = Array.from({ length: CHATS }, (_, index) => `chat ${index}`);
for (const [index, guid] of guids.entries()) client.held.set(guid, chat(guid, index));

const frames = [];
globalThis.document = { visibilityState: "visible" };
globalThis.requestAnimationFrame = (callback) =>
  setTimeout(() => {
    const begin = performance.now();
    callback(begin);
    frames.push(performance.now() - begin);
  }, FRAME_MS);
globalThis.cancelAnimationFrame = clearTimeout;

const inbox = createInbox(client, { chatsPerPage: 99 });
const view = inbox.chats();
let told = 0;
view.subscribe(() => void view.get(told++));
inbox.messages(guids[0]).subscribe(() => {});
const isReady = () => view.get().status === "ready";
while (!isReady()) await pause(10);
while (view.get().hasMore) {
  await view.get().loadMore();
  await pause(50);
}
const calls = client.calls.length;
frames.length = 0;
told = 0;
const before = process.cpuUsage();
const begin = performance.now();
for (let sent = 0; sent < EVENTS; ) {
  const due = Math.min(EVENTS, Math.ceil(((performance.now() - begin) / 1000 / SECONDS) * EVENTS));
  for (; sent < due; sent++) client.receive(guids[(sent * 7) % CHATS], message(`m${sent}`, 1_000 + sent / 100));
  await pause(4);
}
await pause(100);
const { user, system } = process.cpuUsage(before);
frames.sort((one, other) => one - other);
const at = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(2);
console.log(`${EVENTS} events over ${CHATS} chats in ${SECONDS} s: ${frames.length} frames, ${told} times told, ${client.calls.length - calls} requests`);
console.log(`a frame: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms; CPU in all ${Math.round((user + system) / 1000)} ms, the server's side included`);
inbox.close();
