// `im.chats.list`, through the packed package: against the real gateway, and against servers that answer what a test says.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { createClient, IMessageError, ValidationError } from "im-chats";
import { createClient as createMessagesClient } from "im-chats/messages";

import { startGateway } from "../support/gateway.mjs";
import { listen } from "../support/server.mjs";

const collect = async (list, most = Infinity) => {
  const guids = [];
  for await (const chat of list) {
    guids.push(chat.guid);
    if (guids.length === most) break;
  }
  return guids;
};

describe("with the emulator", () => {
  let gateway;
  let im;
  let newestFirst;

  before(async () => {
    gateway = await startGateway();
    im = createMessagesClient({ address: gateway.address, token: gateway.token });
    for (let number = 0; number < 7; number++) await im.chats.create([`p${number}@example.com`], { message: `hi ${number}` });
    newestFirst = [6, 5, 4, 3, 2, 1, 0].map((number) => `any;-;p${number}@example.com`);
  });

  after(async () => {
    await im.close();
    await gateway.stop();
  });

  test("the chat of the last message comes first, and every page size gives each chat once", async () => {
    for (const pageSize of [undefined, 1, 3, 7, 100]) assert.deepEqual(await collect(im.chats.list({ pageSize })), newestFirst);
    await im.messages.send("any;-;p2@example.com", "again");
    newestFirst = ["any;-;p2@example.com", ...newestFirst.filter((guid) => guid !== "any;-;p2@example.com")];
    assert.deepEqual(await collect(im.chats.list({ pageSize: 2 })), newestFirst);
  });

  test("a chat of the list is what get gives", async () => {
    for await (const chat of im.chats.list()) assert.deepEqual(chat, await im.chats.get(chat.guid));
  });

  test("each loop over a list begins with the newest chat", async () => {
    const list = im.chats.list({ pageSize: 2 });
    assert.deepEqual(await collect(list, 3), newestFirst.slice(0, 3));
    assert.deepEqual(await collect(list), newestFirst);
  });

  test("archived chats are in the other list alone", async () => {
    const archived = "any;-;p4@example.com";
    await gateway.call("POST", "/emulator/v1/chats:archive", { chatGuid: archived });
    assert.deepEqual(await collect(im.chats.list({ archived: true })), [archived]);
    assert.deepEqual(await collect(im.chats.list({ archived: false })), newestFirst.filter((guid) => guid !== archived));
    await gateway.call("POST", "/emulator/v1/chats:unarchive", { chatGuid: archived });
    assert.deepEqual(await collect(im.chats.list()), newestFirst);
  });

  test("both entries have it, and it works without its object", async () => {
    const plain = createClient({ address: gateway.address, token: gateway.token });
    const { list } = plain.chats;
    assert.deepEqual(await collect(list()), newestFirst);
    await plain.close();
  });

  test("wrong options are thrown by the first next, by their names, and not before", async () => {
    for (const [options, field] of [
      [{ pageSize: 0 }, "pageSize"],
      [{ pageSize: 101 }, "pageSize"],
      [{ pageSize: 1.5 }, "pageSize"],
      [{ pageSize: "5" }, "pageSize"],
      [{ pageSize: null }, "pageSize"],
      [{ archived: "yes" }, "archived"],
      [{ archived: 1 }, "archived"],
      [{ signal: {} }, "signal"],
      [{ pageToken: "x" }, "pageToken"],
      ["archived", "options"],
    ]) {
      const iterator = im.chats.list(options)[Symbol.asyncIterator]();
      await assert.rejects(iterator.next(), (error) => {
        assert.ok(error instanceof ValidationError, String(error));
        assert.equal(error.context.field, field);
        assert.match(error.stack, /chat-list\.test/, "the stack leads to who called");
        return true;
      });
      assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    }
  });

  test("a signal ends a loop with its reason: before it, between two chats and between two pages", async () => {
    const reason = new Error("enough");
    await assert.rejects(collect(im.chats.list({ signal: AbortSignal.abort(reason) })), reason);
    for (const most of [1, 2]) {
      const controller = new AbortController();
      const seen = [];
      const loop = async () => {
        for await (const chat of im.chats.list({ pageSize: 2, signal: controller.signal })) {
          seen.push(chat.guid);
          if (seen.length === most) controller.abort(reason);
        }
      };
      await assert.rejects(loop(), reason);
      assert.deepEqual(seen, newestFirst.slice(0, most));
    }
  });

  test("a closed client lists nothing", async () => {
    const closed = createClient({ address: gateway.address, token: gateway.token });
    const list = closed.chats.list();
    await closed.close();
    await assert.rejects(collect(list), { code: "preconditionFailed" });
  });
});

describe("with a server that a test plays", () => {
  const started = [];
  /** A server that answers with `answer(query, request)`, and notes what it was asked. */
  const serve = async (answer) => {
    const asked = [];
    const server = createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url, "http://server");
      asked.push(`${request.method} ${pathname}?${searchParams}`);
      const [status, body, type = "application/json"] = await answer(searchParams, request);
      response.writeHead(status, { "content-type": type }).end(typeof body === "string" ? body : JSON.stringify(body));
    });
    const { address, close } = await listen(server);
    const im = createClient({ address, token: "t" });
    started.push(() => im.close(), close);
    return { im, asked };
  };
  after(async () => {
    for (const end of started) await end();
  });

  const chat = (name) => ({ guid: `any;-;${name}@example.com` });
  const pages = {
    "": { chats: [chat("a"), chat("b")], nextPageToken: "one & two" },
    "one & two": { chats: [], nextPageToken: "3" },
    3: { chats: [chat("a"), chat("c")] },
  };

  test("nothing is asked before the loop, and no page that the loop did not come to", async () => {
    const { im, asked } = await serve((query) => [200, pages[query.get("pageToken") ?? ""]]);
    const list = im.chats.list({ archived: true, pageSize: 2 });
    const iterator = list[Symbol.asyncIterator]();
    assert.deepEqual(asked, []);
    assert.equal((await iterator.next()).value.guid, "any;-;a@example.com");
    assert.equal((await iterator.next()).value.guid, "any;-;b@example.com");
    assert.deepEqual(asked, ["GET /v1/chats?archived=true&pageSize=2"]);
    assert.equal((await iterator.next()).value.guid, "any;-;c@example.com", "a page without chats is passed over, and a chat that came before");
    assert.deepEqual(asked.slice(1), [
      "GET /v1/chats?archived=true&pageSize=2&pageToken=one+%26+two",
      "GET /v1/chats?archived=true&pageSize=2&pageToken=3",
    ]);
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.deepEqual(await collect(list, 2), ["any;-;a@example.com", "any;-;b@example.com"]);
    assert.equal(asked.length, 4, "leaving the loop asks for nothing");
    await iterator.return();
    assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    assert.equal(asked.length, 4);
  });

  test("a signal ends the request that is under way", async () => {
    let arrived;
    const arrival = new Promise((resolve) => (arrived = resolve));
    const { im } = await serve((_, request) => new Promise((resolve) => (request.on("close", () => resolve([200, {}])), arrived())));
    const controller = new AbortController();
    const next = im.chats.list({ signal: controller.signal })[Symbol.asyncIterator]().next();
    await arrival;
    controller.abort("enough");
    await assert.rejects(next, (reason) => reason === "enough");
  });

  test("a server that does not list chats is told from one that fails", async () => {
    const own = { code: "unimplemented", errorCode: "operationNotSupported", message: "this path has no such method" };
    for (const [status, body, type] of [
      [404, "<h1>not found</h1>", "text/html"],
      [404, { error: "no such path" }],
      [405, own],
      [501, own],
    ]) {
      const { im } = await serve(() => [status, body, type]);
      await assert.rejects(collect(im.chats.list()), (error) => {
        assert.ok(error instanceof IMessageError);
        assert.equal(error.code, "operationNotSupported");
        assert.match(error.message, /this server does not list chats: it needs an im-chats gateway/);
        assert.equal(error.retryable, false);
        return true;
      });
    }
    const { im } = await serve(() => [500, { code: "internal", errorCode: "databaseError", message: "the disk is full" }]);
    await assert.rejects(collect(im.chats.list()), { code: "databaseError", message: /the disk is full/ });
  });

  test("a page of another shape is an error that names the place", async () => {
    const { im } = await serve(() => [200, { chats: [{ displayName: "no guid" }] }]);
    await assert.rejects(collect(im.chats.list()), { code: "internalError", context: { field: "chats.guid" } });
  });
});
