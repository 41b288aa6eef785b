// A door into a gateway with TLS for clients that have none: HTTP/1.1 and HTTP/2 without encryption come in, and go on encrypted. In Node 20
// a process cannot learn a new certificate authority once it runs.

import { createServer } from "node:net";
import { connect } from "node:tls";

import { listen } from "./server.mjs";

/** How a client of HTTP/2 that knows what the server speaks begins. */
const PREFACE = "PRI * HTTP/2.0";

/** Opens a door to `address`, `https://…`, whose authority is `ca`. Gives `{ address, close }`. */
export async function openPlainDoor(address, ca) {
  const { hostname, port } = new URL(address);
  return listen(
    createServer((client) => {
      client.on("error", () => {});
      client.once("data", (first) => {
        client.pause();
        const protocol = first.toString("latin1").startsWith(PREFACE.slice(0, first.length)) ? "h2" : "http/1.1";
        const server = connect({ host: hostname, port, servername: "localhost", ca, ALPNProtocols: [protocol] });
        server.on("error", () => client.destroy());
        server.on("close", () => client.destroy());
        client.on("close", () => server.destroy());
        server.write(first);
        client.pipe(server).pipe(client);
      });
    }),
  );
}
