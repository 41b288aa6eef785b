// What a subscription costs that waits for events that do not come: memory of the gateway, and bytes on the wire.
//
//   IM_CHATS_GATEWAY=target/release/im-chats-gateway IM_CHATS_PROJECT=DIR node tests/suites/chaos/idle.mjs
//
// DIR is a project with the package installed, of which only its `ws` is used.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { startGateway } from "../support/gateway.mjs";

const { WebSocket } = createRequire(join(process.env.IM_CHATS_PROJECT, "package.json"))("ws");

const [SOCKETS, SUBSCRIPTIONS, HEARTBEATS] = [200, 50, 3];

const gateway = await startGateway({ args: ["--heartbeat-interval-ms", "1000"] });
const resident = async () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${gateway.pid}/status`, "utf8"))[1]) * 1024;

/** Opens sockets with so many subscriptions on each, and waits until all are attached. */
async function open(sockets, subscriptions) {
  const opened = Array.from({ length: sockets }, async () => {
    const socket = new WebSocket(`${gateway.address.replace("http", "ws")}/v1/events`, "im.events.v1.json");
    const link = { socket, down: 0, up: 0, heartbeats: 0, answers: 0, attached: 0, look: () => {} };
    socket.on("message", (data) => {
      const { type } = JSON.parse(data);
      link.down += data.length + 2; // A frame's header: this short, two bytes.
      if (type === "heartbeat") {
        // As our client does.
        const ping = JSON.stringify({ type: "ping", n: (link.heartbeats += 1) });
        link.up += ping.length + 6; // And four of the mask.
        socket.send(ping);
      }
      if (type === "pong") link.answers += 1;
      if (type === "caughtUp") link.attached += 1;
      link.look();
    });
    await once(socket, "open");
    socket.send(JSON.stringify({ type: "init", token: gateway.token }));
    for (let id = 1; id <= subscriptions; id += 1) {
      socket.send(JSON.stringify({ type: "subscribe", id, topic: "chats", chat: `any;-;user${id}@example.com`, credit: 2048 }));
    }
    await until(link, () => link.attached === subscriptions);
    return link;
  });
  return Promise.all(opened);
}

const until = (link, condition) =>
  new Promise((resolve) => {
    link.look = () => condition() && resolve();
    link.look();
  });

// What the first sockets of a process take is not the price of one more.
const warm = await open(20, SUBSCRIPTIONS);
const start = await resident();
const bare = await open(SOCKETS, 0);
const withSockets = await resident();
const full = await open(SOCKETS, SUBSCRIPTIONS);
const withSubscriptions = await resident();
const bytes = await Promise.all(
  full.map(async (link) => {
    link.down = link.up = link.heartbeats = link.answers = 0;
    await until(link, () => link.answers === HEARTBEATS);
    return [link.down / HEARTBEATS, link.up / HEARTBEATS];
  }),
);
const mean = (index) => Math.round(bytes.reduce((sum, each) => sum + each[index], 0) / bytes.length);
const socketBytes = (withSockets - start) / SOCKETS;
const subscriptionBytes = (withSubscriptions - withSockets - (withSockets - start)) / (SOCKETS * SUBSCRIPTIONS);
console.log(`| an idle socket, memory of the gateway | ${(socketBytes / 1024).toFixed(1)} KiB |`);
console.log(`| an idle subscription, memory of the gateway | ${(subscriptionBytes / 1024).toFixed(2)} KiB |`);
console.log(`| an idle socket with ${SUBSCRIPTIONS} subscriptions, on the wire | ${mean(0)} bytes down and ${mean(1)} up a heartbeat |`);
for (const { socket } of [...warm, ...bare, ...full]) socket.terminate();
await gateway.stop();
