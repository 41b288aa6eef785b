// Failures that have nothing to do with what was asked for.

import { createServer } from "node:http";

import { freePort, listen, listenSilently } from "../../support/server.mjs";
import { refusal } from "../outcome.mjs";
import { all } from "../world.mjs";

const section = "Failures";

export default [
  {
    section,
    behaviour: "a wrong token",
    documented: "`AuthenticationError`",
    async run(world) {
      const { im } = await world.connect({ token: "wrong" });
      const refused = await world.see("count", () => im.chats.count());
      await im.close();
      return [refused.error?.class === "AuthenticationError" && refused.error.code === "unauthenticated", refusal(refused)];
    },
  },
  {
    section,
    behaviour: "a wrong token, live",
    documented: "`AuthenticationError`",
    needs: ["chats.subscribeEvents"],
    async run(world) {
      const { im } = await world.connect({ token: "wrong" });
      const refused = await world.see("stream", () => all(im.chats.subscribeEvents()));
      await im.close();
      return [refused.error?.class === "AuthenticationError" && refused.error.code === "unauthenticated", refusal(refused)];
    },
  },
  {
    section,
    behaviour: "a token from a function",
    documented: "(asked for each call)",
    async run(world) {
      let asked = 0;
      const { im } = await world.connect({ token: async () => (++asked, world.gateway.token) });
      for (const turn of ["first", "second"]) await world.see(turn, () => im.chats.count());
      await im.close();
      return [asked === 2, `asked ${asked} times for 2 calls`];
    },
  },
  {
    section,
    behaviour: "no server there",
    documented: "`ConnectionError`",
    withoutService: true,
    async run(world) {
      const { im } = await world.connect({ address: `http://127.0.0.1:${await freePort()}` });
      const failed = await world.see("count", () => im.chats.count());
      await im.close();
      return [failed.error?.class === "ConnectionError", refusal(failed)];
    },
  },
  {
    section,
    behaviour: "a server that does not answer in time",
    documented: "`ConnectionError`",
    withoutService: true,
    async run(world) {
      const { address, close } = await listenSilently();
      const { im } = await world.connect({ address, timeout: 100 });
      const failed = await world.see("count", () => im.chats.count());
      await im.close();
      await close();
      return [failed.error?.class === "ConnectionError" && failed.error.code === "timeout", refusal(failed)];
    },
  },
  ...[502, 503, 504, 429, 404, 403, 401, 500].map((status) => ({
    section,
    behaviour: `a proxy in between answers ${status} in its own words`,
    documented: "(not said)",
    withoutService: true,
    needs: ["chats.count"],
    // Over gRPC the status is grpc-js's to read, and says less.
    without: ["grpc"],
    async run(world) {
      const proxy = createServer((_, response) => response.writeHead(status, { "retry-after": "2" }).end("<h1>proxy</h1>"));
      const { address, close } = await listen(proxy);
      const { im } = await world.connect({ address });
      const failed = await world.see("count", () => im.chats.count());
      await im.close();
      await close();
      return [failed.error?.source === "intermediary", refusal(failed)];
    },
  })),
];
