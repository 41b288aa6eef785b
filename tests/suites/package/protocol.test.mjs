// The client against a server that is scripted frame by frame, for what a healthy gateway never does.

import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, test } from "node:test";

import { createClient, IMessageError } from "im-chats";
import { WebSocketServer } from "ws";

const READY = {
  type: "ready",
  protocol: 1,
  log: { id: "log-1", first: 0, head: 0 },
  heartbeatIntervalMs: 15_000,
  limits: { maxFrameBytes: 65_536, maxOutgoingFrameBytes: 1_048_576, maxBatchEvents: 256, maxSubscriptions: 4_096 },
};

let server;
let im;

/** A server that gives every frame of the client to `script(send, frame, socket, connection)`. */
async function serve(script) {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "im.events.v1.json" });
  let connections = 0;
  server.on("connection", (socket) => {
    const connection = ++connections;
    const send = (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    socket.on("message", (data) => script(send, JSON.parse(data), socket, connection));
  });
  await once(server, "listening");
  im = createClient({ address: `http://127.0.0.1:${server.address().port}`, token: "t" });
}

afterEach(async () => {
  await im.close();
  for (const socket of server.clients) socket.terminate();
  server.close();
});

const subscribed = (frame, sequence, head = sequence) => ({
  type: "subscribed",
  id: frame.id,
  after: { log: "log-1", sequence },
  head,
});

const events = (frame, prev, sequences, through = sequences.at(-1)) => ({
  type: "events",
  id: frame.id,
  prev,
  through,
  events: sequences.map((sequence) => ({ type: "chat.archived", chatGuid: "any;-;x", sequence, isFromMe: false, occurredAt: "t" })),
});

const take = async (stream, count) => {
  const sequences = [];
  for await (const event of stream) {
    sequences.push(event.sequence);
    if (sequences.length === count) break;
  }
  return sequences;
};

describe("the chain", () => {
  for (const [name, bad] of Object.entries({
    "a batch that was lost": (frame) => events(frame, 3, [4, 5]),
    "a batch that came twice": (frame) => events(frame, 0, [1, 2]),
    "an event out of order": (frame) => events(frame, 2, [4, 3], 4),
    "an event beyond its batch": (frame) => events(frame, 2, [3, 9], 4),
    "an event without a sequence": (frame) => ({ ...events(frame, 2, [3]), events: [{ type: "chat.archived" }] }),
    "a frame that is no JSON": () => "{",
    "a frame without its fields": () => ({ type: "events" }),
  })) {
    test(`${name} is never handed on: the stream reconnects behind the last good event`, async () => {
      const positions = [];
      await serve((send, frame, socket, connection) => {
        if (frame.type === "init") send({ ...READY, log: { ...READY.log, head: 2 } });
        if (frame.type !== "subscribe") return;
        positions.push(frame.after?.sequence);
        send(subscribed(frame, frame.after?.sequence ?? 0, 2));
        if (connection === 1) {
          send(events(frame, 0, [1, 2]));
          send(bad(frame));
        } else {
          send(events(frame, 2, [3, 4]));
        }
      });
      assert.deepEqual(await take(im.chats.subscribeEvents({ after: 0 }), 4), [1, 2, 3, 4]);
      assert.deepEqual(positions, [0, 2]);
    });
  }

  test("fields and frames that a newer server adds are ignored", async () => {
    await serve((send, frame) => {
      if (frame.type === "init") send({ ...READY, future: { x: [1] } });
      if (frame.type !== "subscribe") return;
      send({ type: "weather", sky: "blue" });
      send({ ...subscribed(frame, 0), future: true });
      send({ ...events(frame, 0, [1]), future: null });
    });
    assert.deepEqual(await take(im.chats.subscribeEvents(), 1), [1]);
  });
});

describe("credit", () => {
  test("a reader that stalls is never sent more than it can take, and is given more as it reads", async () => {
    let granted = 0;
    let sent = 0;
    const fill = (send, frame) => {
      while (sent < granted) {
        const next = Array.from({ length: Math.min(256, granted - sent) }, (_, index) => sent + index + 1);
        send(events(frame, sent, next));
        sent = next.at(-1);
      }
    };
    await serve((send, frame) => {
      if (frame.type === "init") send(READY);
      if (frame.type === "subscribe") {
        granted = frame.credit;
        send(subscribed(frame, 0));
        fill(send, frame);
      }
      if (frame.type === "credit") {
        granted += frame.add;
        fill(send, frame);
      }
    });
    const stream = im.chats.subscribeEvents();
    const iterator = stream[Symbol.asyncIterator]();
    for (let expected = 1; expected <= 5000; expected += 1) {
      const { value } = await iterator.next();
      assert.equal(value.sequence, expected);
      assert.ok(granted - expected <= 2048, `${granted} granted at ${expected}`);
    }
    await iterator.return();
  });
});

describe("a gap", () => {
  const gone = (frame) => ({
    type: "error",
    id: frame.id,
    fatal: false,
    code: "cursorTooOld",
    grpcCode: 11,
    message: "gone",
    retryable: false,
    context: { first: "40", head: "50" },
  });
  const script = (send, frame) => {
    if (frame.type === "init") send({ ...READY, log: { id: "log-1", first: 40, head: 50 } });
    if (frame.type !== "subscribe") return;
    if (frame.after.sequence < 40) return send(gone(frame));
    send(subscribed(frame, frame.after.sequence, 50));
    send(events(frame, frame.after.sequence, [45, 50]));
  };

  test("ends the stream with cursorTooOld, which is not bad input", async () => {
    await serve(script);
    const error = await take(im.chats.subscribeEvents({ after: 10 }), 1).catch((error) => error);
    assert.equal(error.constructor, IMessageError);
    assert.deepEqual([error.code, error.context.first, error.context.head], ["cursorTooOld", "40", "50"]);
  });

  test("with onGap skip is reported, and the stream goes on behind it", async () => {
    await serve(script);
    const gaps = [];
    const watched = [];
    im.connection.on(({ gap }) => gap && watched.push(gap));
    assert.deepEqual(await take(im.chats.subscribeEvents({ after: 10, onGap: (gap) => void gaps.push(gap) }), 2), [45, 50]);
    assert.deepEqual(await take(im.chats.subscribeEvents({ after: 20, onGap: "skip" }), 2), [45, 50]);
    assert.deepEqual(gaps, [{ from: 10, to: 40 }]);
    assert.deepEqual(watched, [
      { from: 10, to: 40 },
      { from: 20, to: 40 },
    ]);
  });
});

describe("the end", () => {
  for (const [code, expected] of [
    [4400, "internalError"],
    [4403, "unauthorized"],
    [4406, "internalError"],
    [4409, "internalError"],
    [4413, "internalError"],
  ]) {
    test(`close ${code} is final`, async () => {
      let connections = 0;
      await serve((send, frame, socket, connection) => {
        connections = connection;
        socket.close(code);
      });
      await assert.rejects(take(im.chats.subscribeEvents(), 1), { code: expected });
      assert.equal(connections, 1);
      assert.equal(im.connection.state, "failed");
    });
  }

  test("a close 1000 that nobody asked for, and an end that nobody asked for, are cuts", async () => {
    await serve((send, frame, socket, connection) => {
      if (frame.type === "init") send(READY);
      if (frame.type !== "subscribe") return;
      send(subscribed(frame, 0));
      if (connection === 1) socket.close(1000);
      else if (connection === 2) send({ type: "complete", id: frame.id, head: 0 });
      else send(events(frame, 0, [1]));
    });
    assert.deepEqual(await take(im.chats.subscribeEvents(), 1), [1]);
  });
});
