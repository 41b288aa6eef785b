// An HTTP proxy as companies have one: it forwards requests and opens tunnels, and remembers what passed.
//
//   const proxy = await startForwardProxy();
//   … HTTP_PROXY=proxy.url …
//   proxy.passed;           ["POST /v1/chats", "GET /v1/events", …]
//   await proxy.close();

import { createServer, request as send } from "node:http";
import { connect } from "node:net";

import { listen } from "./server.mjs";

/** Listens on a free port of the loopback. It passes on to where it is asked, but no upgrade outside a tunnel, as many do not. */
export async function startForwardProxy() {
  const passed = [];
  const server = createServer((request, response) => {
    passed.push(`${request.method} ${new URL(request.url).pathname}`);
    const onward = send(request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 501 Not Implemented\r\nconnection: close\r\n\r\n"));
  server.on("connect", ({ url }, client, head) => {
    const [host, port] = url.split(":");
    const onward = connect({ host, port: Number(port) });
    for (const [from, to] of [[client, onward], [onward, client]]) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroySoon());
    }
    // The heads of the requests, which are not encrypted here.
    const look = (chunk) => {
      for (const [, line] of `${chunk}`.matchAll(/^(\w+ \/\S*) HTTP\/1\.1\r$/gm)) passed.push(line.replace(/\?.*/, ""));
    };
    client.on("data", look);
    onward.once("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      look(head);
      onward.write(head);
      client.pipe(onward);
      onward.pipe(client);
    });
  });
  const { address, close } = await listen(server);
  return { url: address, passed, close };
}
