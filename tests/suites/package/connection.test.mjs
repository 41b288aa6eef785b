// A stream that cannot connect says so: each failed attempt is reported with its number, the time of the next one and the cause.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { afterEach, describe, test } from "node:test";

import { AuthenticationError, ConnectionError, createClient, IMessageError, ValidationError } from "im-chats";

import { untrusted } from "../support/certificate.mjs";
import { startGateway } from "../support/gateway.mjs";
import { freePort, listen } from "../support/server.mjs";

const closing = [];
afterEach(async () => {
  while (closing.length > 0) await closing.pop()();
});

/** Starts a server for one test; its port. */
async function serve(server) {
  const { port, close } = await listen(server);
  closing.push(close);
  return port;
}

/** A client with one stream; what its connection reports, and how the stream ends. */
function watch(options) {
  const im = createClient({ token: "secret", ...options });
  closing.push(() => im.close());
  const reports = [];
  let more;
  im.connection.on((status) => {
    reports.push({ ...status, at: Date.now() });
    more?.();
  });
  const stream = im.chats.subscribeEvents();
  const end = stream[Symbol.asyncIterator]()
    .next()
    .then(
      () => undefined,
      (error) => error,
    );
  /** The first report for which `condition` holds. */
  const until = async (condition) => {
    for (;;) {
      const found = reports.find(condition);
      if (found) return found;
      await new Promise((resolve) => (more = resolve));
    }
  };
  return { im, reports, until, end };
}

const attempt = (number) => ({ failedAttempt }) => failedAttempt?.number === number;

/** Follows a client through its first three failed attempts and checks what is the same for every cause. */
async function failsAgainAndAgain(options) {
  const { im, reports, until } = watch(options);
  const third = await until(attempt(3));
  const failed = reports.filter(({ failedAttempt }) => failedAttempt);
  assert.deepEqual(
    failed.map(({ failedAttempt }) => failedAttempt.number),
    [1, 2, 3],
    "one report for each attempt",
  );
  const url = `${options.address.replace(/^http/, "ws")}/v1/events`;
  for (const { state, lastError, failedAttempt, at } of failed) {
    assert.equal(state, "reconnecting");
    assert.ok(lastError instanceof IMessageError);
    assert.equal(failedAttempt.address, url);
    // Full jitter: the wait is within the bound that doubles.
    const wait = failedAttempt.nextAttemptAt - at;
    assert.ok(wait > -1_000 && wait <= 250 * 2 ** (failedAttempt.number - 1), `${wait} ms`);
  }
  assert.equal(im.connection.state, "reconnecting");
  assert.equal(im.connection.lastError, third.lastError);
  assert.deepEqual(im.connection.failedAttempt, third.failedAttempt);
  return third.lastError;
}

/** The error of a client that cannot connect. */
async function unreachable(address) {
  const error = await failsAgainAndAgain({ address });
  assert.ok(error instanceof ConnectionError, `${error}`);
  assert.equal(error.retryable, true);
  const url = `${address.replace(/^http/, "ws")}/v1/events`;
  assert.ok(error.message.startsWith(`could not connect to ${url}: `), error.message);
  assert.equal(error.context.address, url);
  assert.equal(error.context.closeCode, "1006");
  return error;
}

/** A server that answers upgrades with a status. */
async function refusing(status, headers = {}, body = "") {
  const server = createServer((_, response) => response.writeHead(status, headers).end(body));
  server.on("upgrade", (_, socket) => {
    const lines = Object.entries({ "content-length": Buffer.byteLength(body), connection: "close", ...headers });
    socket.end(`HTTP/1.1 ${status} No\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`);
  });
  return `http://127.0.0.1:${await serve(server)}`;
}

describe("without a connection", () => {
  test("nobody listens", async () => {
    const port = await freePort();
    const error = await unreachable(`http://127.0.0.1:${port}`);
    assert.match(error.message, new RegExp(`: connect ECONNREFUSED 127\\.0\\.0\\.1:${port}$`));
    assert.equal(error.cause.code, "ECONNREFUSED");
  });

  test("nobody listens on any address of a name", async () => {
    const port = await freePort();
    const error = await unreachable(`http://localhost:${port}`);
    assert.match(error.message, /ECONNREFUSED/);
    assert.equal(error.cause.code, "ECONNREFUSED");
  });

  test("a name that does not exist", async () => {
    const error = await unreachable("http://no-such-host.invalid");
    assert.match(error.message, /no-such-host\.invalid/);
    assert.match(error.cause.code, /ENOTFOUND|EAI_AGAIN/);
  });

  test("https to a port that speaks http", async () => {
    const port = await serve(createServer());
    const error = await unreachable(`https://127.0.0.1:${port}`);
    assert.match(`${error.cause.code}`, /SSL|EPROTO/);
  });

  test("http to a port that speaks https", async () => {
    const port = await serve(createTlsServer(untrusted));
    const error = await unreachable(`http://127.0.0.1:${port}`);
    assert.ok(error.cause instanceof Error);
  });

  test("a certificate that is not trusted", async () => {
    const port = await serve(createTlsServer(untrusted));
    const error = await unreachable(`https://127.0.0.1:${port}`);
    assert.match(error.message, /certificate/);
    assert.match(error.cause.code, /SELF_SIGNED|UNABLE_TO_VERIFY/);
  });

  test("the upgrade is answered with another status", async () => {
    const elsewhere = "https://elsewhere.example/v1/events";
    for (const [status, headers, words] of [
      [301, { location: elsewhere }, `: the server answered 301: it redirects to ${elsewhere}`],
      [404, {}, ": the server answered 404: it is not an im-chats gateway"],
      [200, {}, ": the server answered 200: it is not an im-chats gateway"],
      [502, {}, ": the server answered 502: the gateway behind the proxy does not answer"],
    ]) {
      const error = await unreachable(await refusing(status, headers));
      assert.ok(error.message.includes(words), error.message);
      assert.equal(error.context.httpStatus, `${status}`);
    }
  });

  test("403 of an intermediary may be over soon", async () => {
    const error = await failsAgainAndAgain({ address: await refusing(403) });
    assert.ok(error instanceof AuthenticationError);
    assert.deepEqual([error.context.httpStatus, error.source, error.retryable], ["403", "intermediary", true]);
  });

  test("Retry-After is obeyed", async () => {
    const { until } = watch({ address: await refusing(503, { "retry-after": "60" }) });
    const { lastError, failedAttempt, at } = await until(attempt(1));
    assert.equal(lastError.retryAfter, 60_000);
    assert.ok(failedAttempt.nextAttemptAt - at > 50_000);
  });

  test("401 asks for one fresh token and ends the stream", async () => {
    let asked = 0;
    const { im, reports, end } = watch({ address: await refusing(401), token: () => `token-${++asked}` });
    const error = await end;
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.context.httpStatus, "401");
    assert.equal(asked, 2);
    assert.equal(im.connection.state, "failed");
    const failed = reports.filter(({ failedAttempt }) => failedAttempt);
    assert.deepEqual(
      failed.map(({ failedAttempt }) => [failedAttempt.number, "nextAttemptAt" in failedAttempt]),
      [
        [1, true],
        [2, false],
      ],
    );
  });

  test("a host name that the gateway refuses ends the stream, with the gateway's own words", async () => {
    const gateway = await startGateway();
    closing.push(gateway.stop);
    // A proxy that keeps the host it was called by, as a name that was made to point here does.
    const proxy = createServer();
    proxy.on("upgrade", async (request, socket) => {
      const { connect } = await import("node:net");
      const { hostname, port } = new URL(gateway.address);
      const server = connect({ host: hostname, port }, () => {
        const lines = request.rawHeaders.map((text, index) => (index % 2 ? `${text}\r\n` : `${text}: `)).join("");
        server.write(`GET ${request.url} HTTP/1.1\r\n${lines.replace(/^host: .*$/im, "host: rebound.example")}\r\n`);
        server.pipe(socket);
      });
      server.on("error", () => socket.destroy());
      socket.on("error", () => server.destroy());
    });
    const { im, end } = watch({ address: `http://127.0.0.1:${await serve(proxy)}`, token: gateway.token });
    const error = await end;
    assert.ok(error instanceof AuthenticationError, `${error}`);
    assert.match(error.message, /^could not connect to ws:.*--allow-host rebound\.example/);
    assert.deepEqual([error.code, error.context.host, error.source], ["unauthorized", "rebound.example", "middleware"]);
    assert.ok(error.requestId);
    assert.equal(im.connection.state, "failed");
  });
});

describe("without a token", () => {
  test("the token function's own error is the cause, for streams as for calls", async () => {
    const gateway = await startGateway();
    closing.push(gateway.stop);
    const cause = new Error("vault is sealed");
    const token = () => {
      throw cause;
    };
    const error = await failsAgainAndAgain({ address: gateway.address, token });
    assert.ok(error instanceof AuthenticationError);
    assert.equal(error.cause, cause);
    const im = createClient({ address: gateway.address, token });
    closing.push(() => im.close());
    const called = await im.chats.count().catch((error) => error);
    assert.deepEqual([called.message, called.code, called.cause], [error.message, error.code, error.cause]);
  });

  test("an error of ours that the token function throws arrives as it is", async () => {
    class SignedOut extends AuthenticationError {}
    const own = new SignedOut("sign in again", { code: "signedOut", grpcCode: 16, retryable: false, context: { user: "kim" } });
    const token = () => Promise.reject(own);
    const error = await failsAgainAndAgain({ address: "http://127.0.0.1:9", token });
    assert.equal(error, own);
    const im = createClient({ address: "http://127.0.0.1:9", token });
    closing.push(() => im.close());
    assert.equal(await im.chats.count().catch((error) => error), own);
    const once = im.chats.subscribeEvents({ resume: false });
    await assert.rejects(once[Symbol.asyncIterator]().next(), (error) => error === own);
  });

  test("an empty token", async () => {
    const error = await failsAgainAndAgain({ address: "http://127.0.0.1:9", token: () => "" });
    assert.ok(error instanceof AuthenticationError);
    assert.match(error.message, /token is empty/);
  });
});

describe("with a connection that comes and goes", () => {
  test("failed attempts are forgotten once it works, and counted from there", async () => {
    let gateway = await startGateway();
    const { address, token, data } = gateway;
    const { im, reports, until } = watch({ address, token });
    await until(({ state }) => state === "live");
    assert.equal(im.connection.lastError, undefined);
    const listen = new URL(address).host;
    await gateway.kill();
    await until(attempt(2));
    const lost = reports.find(attempt(0));
    assert.ok(lost, "the loss of the connection itself is attempt 0");
    reports.length = 0;
    gateway = await startGateway({ data, token, listen });
    closing.push(gateway.stop);
    const { failedAttempt, lastError } = await until(({ state }) => state === "live");
    assert.deepEqual([failedAttempt, lastError, im.connection.failedAttempt], [undefined, undefined, undefined]);
  });

  test("the lag is what the loop has not handled, and is reported while it changes", async () => {
    const gateway = await startGateway();
    closing.push(gateway.stop);
    await gateway.call("POST", "/v1/chats", { addresses: ["alice@example.com"] });
    const im = createClient({ address: gateway.address, token: gateway.token });
    closing.push(() => im.close());
    const reports = [];
    let more;
    im.connection.on((status) => {
      reports.push({ ...status, at: performance.now() });
      more?.();
    });
    const lagIs = async (expected) => {
      while (reports.at(-1)?.lag !== expected) await new Promise((resolve) => (more = resolve));
    };
    const stream = im.chats.subscribeEvents();
    const events = stream[Symbol.asyncIterator]();
    await stream.ready;
    const [status] = await gateway.call("POST", "/emulator/v1/events:generate", { count: 50_000 });
    assert.equal(status, 200);
    // The first event is with the loop, which handles nothing for now.
    assert.equal((await events.next()).value.sequence, 1);
    const started = performance.now();
    await lagIs(50_000);
    assert.ok(performance.now() - started < 10_000, "long before the next ordinary heartbeat");
    assert.equal(im.connection.lag, 50_000);
    assert.equal(im.connection.state, "live", "everything there was when the stream began was received");
    // Within one batch, which the wasm side sees as a whole.
    for (let sequence = 2; sequence <= 11; sequence++) await events.next();
    assert.equal(im.connection.lag, 49_990);
    await lagIs(49_990);
    for (let sequence = 12; sequence <= 50_000; sequence++) await events.next();
    void events.next();
    await lagIs(0);
    assert.equal(im.connection.lag, 0);
    // Nobody looks at the lag any more; it is reported when it grows again.
    await gateway.call("POST", "/emulator/v1/events:generate", { count: 10 });
    await lagIs(10);
    const changes = reports.filter(({ lag }, index) => index > 0 && lag !== reports[index - 1].lag);
    // Over the whole time: on a busy machine one report may be late, and the next one not.
    const seconds = (changes.at(-1).at - changes[0].at) / 1_000;
    assert.ok(changes.length <= 5 * seconds + 1, `a few times a second at most: ${changes.length} in ${seconds} s`);
  });

  test("a watcher that is no function is refused, and `on` works without its object", async () => {
    const im = createClient({ address: "http://127.0.0.1:9", token: "secret" });
    assert.throws(() => im.connection.on(undefined), ValidationError);
    const { on } = im.connection;
    const states = [];
    const stop = on(({ state }) => states.push(state));
    await im.close();
    await new Promise(setImmediate);
    assert.deepEqual(states, ["closed"]);
    stop();
  });
});
