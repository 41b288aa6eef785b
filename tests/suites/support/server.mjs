// Servers of a test's own, on free ports of the loopback.
//
//   const { address, close } = await listen(createServer(…));

import { once } from "node:events";
import { createServer } from "node:net";

/** Starts a server of `node:http`, `node:https` or `node:net`. `close` also ends its connections, upgraded ones included. */
export async function listen(server) {
  const sockets = new Set();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    async close() {
      const closed = server.listening && once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A server that takes connections and never says a word. */
export const listenSilently = () => listen(createServer((socket) => socket.resume().on("error", () => {})));

/** A port on which nobody listens. */
export async function freePort() {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}
