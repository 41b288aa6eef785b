// What happens between the SDK and a server that is not well: broken answers, slow ones, failures with and without a body.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, describe, test } from "node:test";

import { AuthenticationError, ConnectionError, createClient, IMessageError, NotFoundError, RateLimitError, ValidationError } from "im-chats";

const GUID = "any;-;alice@example.com";
let server;
let im;

/** A server that answers each request with the next handler (the last one for good), and a client for it. */
async function serve(handlers, options = {}) {
  const list = [handlers].flat();
  const seen = [];
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    (list.length > 1 ? list.shift() : list[0])(response, request);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  im = createClient({ address: `http://127.0.0.1:${server.address().port}`, token: "secret", ...options });
  return seen;
}

afterEach(async () => {
  await im?.close();
  server?.closeAllConnections();
  server?.close();
});

const json = (status, body, headers = {}) => (response) => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};

const failure = (status, code, more = {}) =>
  json(status, { code, message: "no", source: "middleware", retryable: false, context: {}, ...more }, { "x-request-id": "r-7" });

describe("requests", () => {
  test("reads have a query, writes a body; both carry the token", async () => {
    const seen = await serve(json(200, {}), { server: "mac-1" });
    await im.chats.count({ includeArchived: true });
    await im.chats.hasBackground("any;+;a b&c=d");
    await im.chats.setTyping(GUID, true);
    assert.deepEqual(
      seen.map(({ method, url }) => `${method} ${url}`),
      [
        "GET /v1/chats:count?includeArchived=true",
        "GET /v1/chats:hasBackground?chatGuid=any%3B%2B%3Ba%20b%26c%3Dd",
        "POST /v1/chats:setTyping",
      ],
    );
    assert.deepEqual(JSON.parse(seen[2].body), { chatGuid: GUID, isTyping: true });
    for (const { headers } of seen) {
      assert.equal(headers.authorization, "Bearer secret");
      assert.equal(headers["x-photon-server"], "mac-1");
    }
  });

  test("a token function is asked for every call, and its failure is AuthenticationError with its cause", async () => {
    let asked = 0;
    const seen = await serve(json(200, {}), { token: async () => `token-${++asked}` });
    await im.chats.count();
    await im.chats.count();
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      ["Bearer token-1", "Bearer token-2"],
    );
    const cause = new Error("vault is sealed");
    const { port } = server.address();
    const sealed = createClient({
      address: `http://127.0.0.1:${port}`,
      token: () => {
        throw cause;
      },
    });
    const error = await sealed.chats.count().catch((error) => error);
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.cause, cause);
    assert.match(error.stack, /transport\.test\.mjs/);
    const odd = createClient({ address: `http://127.0.0.1:${port}`, token: () => "line\nbreak" });
    await assert.rejects(odd.chats.count(), AuthenticationError);
    await Promise.all([sealed.close(), odd.close()]);
  });

  test("every write has an idempotency key of its own, unless switched off; a create's own key is that key", async () => {
    const chat = { chat: { guid: GUID } };
    let seen = await serve([json(200, {}), json(200, {}), json(200, chat), json(200, {})]);
    await im.chats.markRead(GUID);
    await im.chats.markRead(GUID);
    await im.chats.create(["a@b.c"], { clientMessageId: "job-1" });
    await im.chats.count();
    const keys = seen.map(({ headers }) => headers["x-idempotency-key"]);
    assert.match(keys[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(keys[0], keys[1]);
    assert.deepEqual(keys.slice(2), ["job-1", undefined]);
    await im.close();
    server.close();
    seen = await serve(json(200, {}), { autoIdempotency: false });
    await im.chats.markRead(GUID);
    assert.equal("x-idempotency-key" in seen[0].headers, false);
  });
});

describe("the stack of an error", () => {
  test("is the caller's, wherever it was found, also without await", async () => {
    await serve([failure(404, "not_found"), (response) => response.end("{"), (response) => response.destroy()]);
    for (let call = 0; call < 3; call += 1) {
      const error = await new Promise((resolve) => void im.chats.get(GUID).catch(resolve));
      assert.match(error.stack.split("\n    at ")[1], /transport\.test\.mjs/, error.stack);
    }
  });

  test("stays what it was when the error is the user's own", async () => {
    await serve(json(200, {}));
    const own = new ConnectionError("the vault is asleep", { code: "networkError", grpcCode: 14, retryable: false });
    const { stack } = own;
    const token = createClient({ address: "127.0.0.1:9", tls: false, token: () => Promise.reject(own) });
    assert.equal(await token.chats.get(GUID).catch((error) => error), own);
    assert.equal(await im.chats.get(GUID, { signal: AbortSignal.abort(own) }).catch((error) => error), own);
    assert.equal(own.stack, stack);
    await token.close();
  });

  test("of a stream is that of the call that made it", async () => {
    await serve(json(200, {}));
    const made = () => im.chats.subscribeEvents({ resume: false });
    const stream = made();
    const handler = async () => {
      for await (const _ of stream);
    };
    const error = await handler().catch((error) => error);
    assert.ok(error instanceof IMessageError, `${error}`);
    assert.match(error.stack, /at made .*transport\.test\.mjs/);
    const ended = im.events.catchUp();
    await im.close();
    await ended.close();
  });
});

describe("answers that are not what they should be", () => {
  const broken = {
    "an empty body": (response) => response.end(),
    "half a body": (response) => response.end('{"chat":{"guid":"any;-;al'),
    "a page instead of JSON": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"),
    "another shape": json(200, { chat: [] }),
    "an answer without the chat": json(200, {}),
    null: json(200, null),
  };
  for (const [name, handler] of Object.entries(broken)) {
    test(name, async () => {
      await serve(handler);
      const error = await im.chats.get(GUID).catch((error) => error);
      assert.ok(error instanceof IMessageError, `${error}`);
      assert.equal(error.code, "internalError");
    });
  }

  test("never false or 0 for a broken answer", async () => {
    await serve((response) => response.end('{"backgroundPresent":'));
    await assert.rejects(im.chats.hasBackground(GUID), IMessageError);
    await assert.rejects(im.chats.count(), IMessageError);
    await assert.rejects(im.chats.markRead(GUID), IMessageError);
  });

  test("a count that JavaScript cannot hold is refused, not rounded", async () => {
    await serve([json(200, { count: "9007199254740993" }), json(200, { count: "42" })]);
    await assert.rejects(im.chats.count(), IMessageError);
    assert.equal(await im.chats.count(), 42);
  });

  test("a connection that breaks inside the body is a network failure", async () => {
    await serve((response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"chat":');
      setImmediate(() => response.destroy());
    });
    const error = await im.chats.get(GUID).catch((error) => error);
    assert.ok(error instanceof ConnectionError, `${error}`);
    assert.deepEqual([error.code, error.retryable], ["networkError", true]);
  });
});

describe("failures", () => {
  test("the service's statuses become the documented classes", async () => {
    for (const [status, code, Class, grpcCode] of [
      [401, "unauthenticated", AuthenticationError, 16],
      [403, "permission_denied", AuthenticationError, 7],
      [404, "not_found", NotFoundError, 5],
      [429, "resource_exhausted", RateLimitError, 8],
      [400, "invalid_argument", ValidationError, 3],
      [400, "failed_precondition", ValidationError, 9],
      [503, "unavailable", ConnectionError, 14],
      [504, "deadline_exceeded", ConnectionError, 4],
      [500, "internal", IMessageError, 13],
      [409, "already_exists", IMessageError, 6],
    ]) {
      await serve(failure(status, code, { errorCode: "newToUs", context: { field: "x" } }));
      const error = await im.chats.count().catch((error) => error);
      assert.equal(error.constructor, Class, code);
      assert.equal(error.name, Class.name);
      assert.deepEqual([error.code, error.grpcCode, error.source, error.requestId], ["newToUs", grpcCode, "middleware", "r-7"]);
      assert.deepEqual(error.context, { field: "x" });
      server.close();
    }
  });

  test("an answer without the service's body came from something before it", async () => {
    for (const [status, Class, retryable] of [
      [502, ConnectionError, true],
      [503, ConnectionError, true],
      [404, NotFoundError, false],
      [429, RateLimitError, true],
      [418, IMessageError, false],
    ]) {
      await serve((response) => response.writeHead(status, { "retry-after": "2" }).end("<h1>nginx</h1>"));
      const error = await im.chats.count().catch((error) => error);
      assert.equal(error.constructor, Class, `${status}`);
      assert.deepEqual([error.source, error.retryable, error.retryAfter], ["intermediary", retryable, 2000]);
      server.close();
    }
  });

  test("nobody there", async () => {
    await serve(json(200, {}));
    const { port } = server.address();
    server.close();
    await once(server, "close");
    const alone = createClient({ address: `127.0.0.1:${port}`, tls: false, token: "t" });
    const error = await alone.chats.count().catch((error) => error);
    assert.ok(error instanceof ConnectionError);
    assert.deepEqual([error.code, error.retryable], ["networkError", true]);
    assert.ok(error.cause instanceof Error);
    assert.equal(error.message, `http://127.0.0.1:${port} could not be reached, or the connection broke: connect ECONNREFUSED 127.0.0.1:${port}`);
    assert.match(error.stack, /transport\.test\.mjs/);
    await alone.close();
  });

  test("the error of TLS against a server without it says what to change", async () => {
    await serve(json(200, {}));
    const { port } = server.address();
    const secure = createClient({ address: `127.0.0.1:${port}`, token: "t" });
    const hint = /the server speaks no TLS there: use an http:\/\/ address, or tls: false/;
    const error = await secure.chats.count().catch((error) => error);
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, hint);
    const lost = new Promise((resolve) => secure.connection.on(({ lastError }) => lastError && resolve(lastError)));
    const stream = secure.chats.subscribeEvents();
    assert.match((await lost).message, hint);
    await stream.close();
    await secure.close();
  });
});

describe("the timeout of a call", () => {
  test("a call that takes longer than its timeout is ConnectionError, code timeout", async () => {
    await serve(() => {}, { timeout: 60 });
    const error = await im.chats.count().catch((error) => error);
    assert.ok(error instanceof ConnectionError);
    assert.deepEqual([error.code, error.grpcCode, error.retryable], ["timeout", 4, true]);
    assert.equal(error.message, `no answer from http://127.0.0.1:${server.address().port} within 60 ms`);
    assert.match(error.stack, /transport\.test\.mjs/);
  });

  test("so is a token function that never answers", async () => {
    await serve(json(200, {}), { timeout: 60, token: () => new Promise(() => {}) });
    await assert.rejects(im.chats.count(), { code: "timeout", message: "no answer from the token function within 60 ms" });
  });

  test("an aborted call rejects with the signal's reason, before and while it waits", async () => {
    const seen = await serve(() => {});
    const reason = new Error("changed my mind");
    await assert.rejects(im.chats.count({ signal: AbortSignal.abort(reason) }), reason);
    assert.equal(seen.length, 0);
    const controller = new AbortController();
    const arrived = once(server, "request");
    const call = im.chats.get(GUID, { signal: controller.signal });
    const [, response] = await arrived;
    const gone = once(response, "close");
    controller.abort("a string");
    assert.equal(await call.catch((thrown) => thrown), "a string");
    await gone;
  });

  test("a signal that knows no reason gives an AbortError", async () => {
    // As signals were until 2022, and as some polyfills still are.
    const old = (aborted) => Object.assign(new EventTarget(), { aborted });
    const isAbortError = (error) => error instanceof Error && error.name === "AbortError";
    await serve(() => {});
    await assert.rejects(im.chats.count({ signal: old(true) }), isAbortError);
    const signal = old(false);
    const arrived = once(server, "request");
    const call = im.chats.get(GUID, { signal });
    await arrived;
    signal.aborted = true;
    signal.dispatchEvent(new Event("abort"));
    await assert.rejects(call, isAbortError);
    for (const early of [true, false]) {
      const signal = old(early);
      const next = im.chats.subscribeEvents({ signal })[Symbol.asyncIterator]().next();
      signal.aborted = true;
      signal.dispatchEvent(new Event("abort"));
      await assert.rejects(next, isAbortError);
    }
    // A reason that is given is the reason, whatever it is.
    assert.equal(await im.chats.count({ signal: AbortSignal.abort(null) }).catch((reason) => reason), null);
  });

  test("close() refuses what is under way and what comes later, in words", async () => {
    await serve(() => {});
    const arrived = once(server, "request");
    const call = im.chats.count();
    await arrived;
    await im.close();
    for (const refused of [call, im.chats.count(), im.chats.create([])]) {
      await assert.rejects(refused, (error) => {
        assert.match(error.stack, /transport\.test\.mjs/);
        return error instanceof ValidationError && /closed/.test(error.message);
      });
    }
    await im.close();
  });
});

describe("retry", () => {
  const unavailable = failure(503, "unavailable", { errorCode: "serviceUnavailable", retryable: true });
  const fast = { maxAttempts: 4, initialDelay: 1, maxDelay: 2 };

  test("retryable failures are tried again, as often as said, with one key", async () => {
    let seen = await serve([unavailable, unavailable, json(200, {})], { retry: fast });
    await im.chats.markRead(GUID);
    assert.equal(seen.length, 3);
    assert.equal(new Set(seen.map(({ headers }) => headers["x-idempotency-key"])).size, 1);
    server.close();
    seen = await serve(unavailable, { retry: fast });
    await assert.rejects(im.chats.count(), ConnectionError);
    assert.equal(seen.length, 4);
  });

  test("other failures are not, nor anything without retry", async () => {
    let seen = await serve(failure(404, "not_found"), { retry: fast });
    await assert.rejects(im.chats.get(GUID), NotFoundError);
    assert.equal(seen.length, 1);
    server.close();
    seen = await serve(unavailable);
    await assert.rejects(im.chats.count(), ConnectionError);
    assert.equal(seen.length, 1);
  });

  test("a write without a key is never sent twice, a read is", async () => {
    const seen = await serve(unavailable, { retry: fast, autoIdempotency: false });
    await assert.rejects(im.chats.markRead(GUID), ConnectionError);
    assert.equal(seen.length, 1);
    await assert.rejects(im.chats.count(), ConnectionError);
    assert.equal(seen.length, 5);
  });

  test("Retry-After is waited for", async () => {
    const busy = failure(429, "resource_exhausted", { retryable: true });
    const seen = await serve(
      [(response) => (response.setHeader("retry-after", "1"), busy(response)), json(200, { count: "1" })],
      { retry: fast },
    );
    const started = performance.now();
    assert.equal(await im.chats.count(), 1);
    assert.ok(performance.now() - started >= 990, "a second was asked for");
    assert.equal(seen.length, 2);
  });

  test("the answer that was lost: the write happens once", async () => {
    const seen = await serve([(response) => response.destroy(), json(200, {})], { retry: fast });
    await im.chats.markRead(GUID);
    assert.equal(seen[0].headers["x-idempotency-key"], seen[1].headers["x-idempotency-key"]);
  });
});
