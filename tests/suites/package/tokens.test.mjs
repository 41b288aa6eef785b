// Tokens for others, and tokens that the service refuses, through the installed package.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { afterEach, describe, test } from "node:test";

import { AuthenticationError, createClient, ErrorCode, ValidationError } from "im-chats";
import { WebSocketServer } from "ws";

import { listen } from "../support/server.mjs";

const GOOD = { sub: "user-42", scope: ["chats:read", "events"], chats: ["any;-;alice@example.com"], ttlSeconds: 300 };
const MADE = { token: "made", expiresAt: "2026-11-27T08:00:00.000Z" };

const closing = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A service that answers every call so; what it was asked. */
async function serve(status, answer) {
  const asked = [];
  const server = await listen(
    createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      asked.push({ method: request.method, url: request.url, headers: request.headers, ...(text && { body: JSON.parse(text) }) });
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    }),
  );
  closing.push(server.close);
  return { asked, address: server.address };
}

function client(options) {
  const im = createClient({ token: "admin", ...options });
  closing.push(() => im.close());
  return im;
}

/** Calls `act` in what looks like a page, or like a worker of one. */
async function inBrowser(name, act) {
  globalThis[name] = name === "document" ? {} : () => {};
  try {
    return await act();
  } finally {
    delete globalThis[name];
  }
}

describe("im.tokens.create", () => {
  test("sends what it was given as it was then, and gives what came", async () => {
    const { asked, address } = await serve(200, MADE);
    const { create } = client({ address }).tokens;
    for (let round = 0; round < 2; round++) {
      const options = structuredClone(GOOD);
      const made = create(options);
      options.sub = "another";
      options.scope.push("chats:write");
      options.chats[0] = "any;-;bob@example.com";
      assert.deepEqual(await made, MADE);
      const { method, url, headers, body } = asked.pop();
      assert.deepEqual([method, url, headers.authorization], ["POST", "/v1/tokens", "Bearer admin"]);
      assert.deepEqual(body, { ...GOOD, scope: "chats:read events" });
    }
    await create({ ...GOOD, scope: "events", chats: undefined });
    assert.deepEqual(asked.pop().body, { sub: "user-42", scope: "events", ttlSeconds: 300 });
  });

  test("refuses what is wrong by name, and with the caller's line", async () => {
    const { asked, address } = await serve(200, MADE);
    const im = client({ address });
    const cause = new Error("not today");
    const throwing = Object.defineProperty(["events"], 1, { get: () => { throw cause; } });
    for (const [options, field] of [
      [undefined, "sub"],
      [null, "options"],
      [{ ...GOOD, sub: "" }, "sub"],
      [{ ...GOOD, scope: ["chat:read"] }, "scope"],
      [{ ...GOOD, scope: throwing }, "scope[1]"],
      [{ ...GOOD, chat: "any;-;alice@example.com" }, "chat"],
      [{ ...GOOD, chats: ["alice@example.com"] }, "chats"],
      [{ ...GOOD, chats: Array(101).fill("any;+;g") }, "chats"],
      [{ ...GOOD, ttlSeconds: 86_401 }, "ttlSeconds"],
    ]) {
      await assert.rejects(im.tokens.create(options), (error) => {
        assert.ok(error instanceof ValidationError, error.stack);
        assert.deepEqual([error.context.field, error.message.startsWith(`${field}: `)], [field, true], error.message);
        assert.match(error.stack, /tokens\.test\.mjs/);
        return true;
      });
    }
    assert.deepEqual(asked, []);
  });

  for (const name of ["document", "importScripts"]) {
    test(`is refused in a browser (${name}), unless that is allowed`, async () => {
      const { asked, address } = await serve(200, MADE);
      const im = client({ address });
      await inBrowser(name, () =>
        assert.rejects(im.tokens.create(GOOD), (error) => {
          assert.ok(error instanceof ValidationError);
          assert.equal(error.code, ErrorCode.preconditionFailed);
          assert.match(error.message, /no page may hold.* in your back end.*allowTokenCreationInBrowser/);
          assert.match(error.stack, /tokens\.test\.mjs/);
          return true;
        }),
      );
      assert.deepEqual(asked, []);
      const allowed = client({ address, allowTokenCreationInBrowser: true });
      assert.deepEqual(await inBrowser(name, () => allowed.tokens.create(GOOD)), MADE);
      // Other calls are for pages.
      const { address: counting } = await serve(200, { count: 3 });
      assert.equal(await inBrowser(name, () => client({ address: counting }).chats.count()), 3);
    });
  }

  test("the option is true or false", () => {
    assert.throws(() => createClient({ address: "im.example.com", token: "t", allowTokenCreationInBrowser: "yes" }), {
      context: { field: "allowTokenCreationInBrowser" },
    });
  });
});

describe("a token that is refused", () => {
  const ended = { code: "unauthenticated", errorCode: "tokenExpired", message: "the token has ended", context: {} };

  test("tells a call what to do", async () => {
    for (const [token, words] of [
      ["text", /^the token has ended; give createClient a function as `token`/],
      [() => "text", /^the token has ended; the token function must fetch a fresh one/],
    ]) {
      const { address } = await serve(401, ended);
      await assert.rejects(client({ address, token }).chats.count(), (error) => {
        assert.ok(error instanceof AuthenticationError);
        assert.equal(error.code, ErrorCode.tokenExpired);
        assert.match(error.message, words);
        return true;
      });
    }
  });

  test("tells by how much the clocks differ", async () => {
    const serverTime = String(Math.floor(Date.now() / 1_000) - 600);
    const { address } = await serve(401, { ...ended, context: { serverTime } });
    await assert.rejects(client({ address }).chats.count(), /; the clock here is 10 min ahead of the server's: set it/);
  });

  test("ends a stream at once when it is a text, and after one more when it is a function", async () => {
    for (const [token, attempts] of [["text", 1], [() => "text", 2]]) {
      const http = createServer();
      const server = await listen(http);
      closing.push(server.close);
      const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "im.events.v1.json" });
      let opened = 0;
      http.on("upgrade", (request, socket, head) =>
        sockets.handleUpgrade(request, socket, head, (connection) => {
          opened += 1;
          connection.once("message", () => {
            const refusal = { type: "error", fatal: true, code: "tokenExpired", grpcCode: 16, message: "the token has ended", retryable: false };
            connection.send(JSON.stringify({ ...refusal, context: {} }));
            connection.close(4401);
          });
        }),
      );
      const im = client({ address: server.address, token });
      await assert.rejects(im.chats.subscribeEvents().ready, { code: ErrorCode.tokenExpired });
      assert.deepEqual([opened, im.connection.state], [attempts, "failed"]);
    }
  });
});
