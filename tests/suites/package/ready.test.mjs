// `stream.ready` of the packed package: one promise that always settles, whatever becomes of the stream, also when nobody pulls.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { AuthenticationError, ConnectionError, createClient, IMessageError, TypedEventStream, ValidationError } from "im-chats";

import { startGateway } from "../support/gateway.mjs";
import { listenSilently } from "../support/server.mjs";

const run = promisify(execFile);

let gateway;
let im;

before(async () => {
  gateway = await startGateway();
  im = createClient({ address: gateway.address, token: gateway.token });
  await im.chats.create(["alice@example.com"]);
});

after(async () => {
  await im.close();
  await gateway.stop();
});

const client = (options) => createClient({ address: gateway.address, token: gateway.token, ...options });

/** What `stream.ready` rejects with. */
const rejection = (stream) =>
  stream.ready.then(
    () => assert.fail("ready resolved"),
    (error) => error,
  );

const closedBefore = (error) =>
  error instanceof ValidationError && error.code === "preconditionFailed" && /closed before it was attached/.test(error.message);

describe("ready", () => {
  test("is one promise, which derived streams share, and resolves again and again", async () => {
    const stream = im.chats.subscribeEvents();
    const derived = stream.filter(() => true).map((event) => event.sequence).take(3);
    assert.equal(stream.ready, stream.ready);
    assert.equal(derived.ready, stream.ready);
    await Promise.all([stream.ready, stream.ready, derived.ready]);
    await stream.ready;
    assert.match(stream.cursor, /^\d+@/, "the position is known");
    await stream.close();
    await stream.ready;
  });

  test("of a stream made from any iterable resolves", async () => {
    const stream = new TypedEventStream((async function* () {})());
    assert.equal(stream.ready, stream.ready);
    await stream.ready;
  });

  test("rejects with the stream's own error, which the loop throws, too", async () => {
    const wrong = client({ token: "wrong" });
    for (const [make, kind, code] of [
      [() => wrong.chats.subscribeEvents(), AuthenticationError, "unauthenticated"],
      [() => im.chats.subscribeEvents({ after: "5@another-log" }), IMessageError, "logChanged"],
      [() => im.chats.subscribeEvents({ after: 10_000_000 }), IMessageError, "cursorAhead"],
      [() => im.events.catchUp(10_000_000), IMessageError, "cursorAhead"],
      [() => im.chats.subscribeEvents({ after: "nonsense" }), ValidationError, "invalidArgument"],
      [() => im.chats.subscribeEvents({ chat: "nobody" }), ValidationError, "invalidArgument"],
      [() => im.chats.subscribeEvents({ resume: "yes" }), ValidationError, "invalidArgument"],
      [() => im.chats.subscribeEvents({ unknown: 1 }), ValidationError, "invalidArgument"],
      [() => im.chats.subscribeEvents(null), ValidationError, "invalidArgument"],
      [() => im.events.catchUp(-1), ValidationError, "invalidArgument"],
    ]) {
      const stream = make();
      const error = await rejection(stream);
      assert.ok(error instanceof kind, `${error}`);
      assert.equal(error.code, code);
      const iterator = stream[Symbol.asyncIterator]();
      await assert.rejects(iterator.next(), (thrown) => thrown === error);
      assert.deepEqual(await iterator.next(), { done: true, value: undefined });
      assert.equal(await rejection(stream), error, "after the end it still says why");
    }
    await wrong.close();
  });

  test("rejects without resume and nobody there", async () => {
    const nobody = client({ address: "http://127.0.0.1:1" });
    const error = await rejection(nobody.chats.subscribeEvents({ resume: false }));
    assert.ok(error instanceof ConnectionError, `${error}`);
    await nobody.close();
  });

  test("rejects with the reason of a signal: aborted before, while connecting, and by its timeout", async () => {
    const server = await listenSilently();
    const connecting = client({ address: server.address });
    const reason = new Error("enough");
    assert.equal(await rejection(connecting.chats.subscribeEvents({ signal: AbortSignal.abort(reason) })), reason);
    const controller = new AbortController();
    const stream = connecting.chats.subscribeEvents({ signal: controller.signal });
    controller.abort(reason);
    assert.equal(await rejection(stream), reason);
    const timed = connecting.chats.subscribeEvents({ signal: AbortSignal.timeout(20) });
    assert.equal((await rejection(timed)).name, "TimeoutError");
    await connecting.close();
    server.close();
  });

  test("rejects when the stream or its client is closed while it connects", async () => {
    const server = await listenSilently();
    const connecting = client({ address: server.address });
    const [closed, derived, left] = [1, 2, 3].map(() => connecting.chats.subscribeEvents());
    const taken = derived.take(2);
    await closed.close();
    assert.ok(closedBefore(await rejection(closed)));
    await taken.close();
    assert.ok(closedBefore(await rejection(derived)));
    await connecting.close();
    assert.ok(closedBefore(await rejection(left)));
    const late = await rejection(connecting.chats.subscribeEvents());
    assert.equal(late.code, "preconditionFailed");
    server.close();
  });

  test("is no unhandled rejection when nobody awaits it, and keeps no program waiting for ever", async () => {
    const program = (address, token, code) => `
      import { createClient } from "im-chats";
      process.on("unhandledRejection", (error) => { console.log("unhandled", error); });
      const im = createClient({ address: ${JSON.stringify(address)}, token: ${JSON.stringify(token)} });
      ${code}`;
    const lines = async (...source) => {
      const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program(...source)], { timeout: 20_000 });
      return stdout.trim();
    };
    const unread = `im.chats.subscribeEvents(); im.chats.subscribeEvents().ready; im.chats.subscribeEvents({ after: "x" });
      console.log("made");`;
    assert.equal(await lines(gateway.address, "wrong", unread), "made");
    // Without an answer Node ends such a program with 13.
    const awaited = `await im.chats.subscribeEvents().ready.catch((error) => console.log(error.name));`;
    assert.equal(await lines(gateway.address, "wrong", awaited), "AuthenticationError");
    const timed = `await im.chats.subscribeEvents({ signal: AbortSignal.timeout(50) }).ready.catch((error) => console.log(error.name));`;
    assert.equal(await lines("http://127.0.0.1:1", "t", timed), "TimeoutError");
  });
});
