// Errors as plain data: what survives JSON and a structured clone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { once } from "node:events";

import * as sdk from "im-chats";

const { IMessageError } = sdk;

const classes = ["IMessageError", "AuthenticationError", "NotFoundError", "RateLimitError", "ValidationError", "ConnectionError"];

const full = {
  code: "aCodeOfTheFuture",
  grpcCode: 8,
  retryable: true,
  context: { field: "addresses[0]" },
  retryAfter: 1500,
  source: "middleware",
  requestId: "r-1",
};

for (const name of classes) {
  test(`${name} crosses a message channel whole`, async () => {
    const error = new sdk[name]("too much", { ...full, cause: new Error("below") });
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(error.toJSON());
    const [json] = await once(port2, "message");
    port1.close();
    const back = IMessageError.fromJSON(json);
    assert.equal(back.constructor, sdk[name]);
    assert.ok(back instanceof IMessageError && back instanceof Error);
    assert.deepEqual(back.toJSON(), { name, message: "too much", ...full });
    for (const [field, value] of Object.entries(full)) assert.deepEqual(back[field], value, field);
    assert.equal(back.cause, undefined, "what caused it stays behind");
  });
}

test("an absent value stays an absent key", () => {
  const error = new sdk.NotFoundError("no", { code: "chatNotFound", grpcCode: 5, retryable: false });
  const json = JSON.parse(JSON.stringify(error));
  assert.deepEqual(Object.keys(json), ["name", "message", "code", "grpcCode", "retryable", "context"]);
  assert.deepEqual(IMessageError.fromJSON(json), error);
});

test("what is not such data is refused", () => {
  const good = new IMessageError("no", { code: "timeout", grpcCode: 4, retryable: true }).toJSON();
  for (const bad of [undefined, null, 5, "x", {}, { ...good, name: "TypeError" }, { ...good, message: 1 }, { ...good, code: undefined }, { ...good, grpcCode: "4" }, { ...good, retryable: "yes" }]) {
    assert.throws(
      () => IMessageError.fromJSON(bad),
      (error) => error instanceof sdk.ValidationError && error.context.field === "json",
      JSON.stringify(bad),
    );
  }
});
