// All methods of the vendor's SDK over both of its transports: each gives what is documented, or says that it is not supported. The emulator
// is asked directly, and through a relay.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { CALLS } from "./methods/calls.mjs";
import { TRANSPORTS, callAll, declaredMethods } from "./methods/run.mjs";

const PLACES = ["emulator", "relay"];

const named = (transport) => CALLS.filter(({ grpcOnly }) => transport === "grpc" || !grpcOnly).map(({ method }) => method);

test("every method that their SDK declares is called, and there are 94", async () => {
  let count = 0;
  for (const transport of Object.keys(TRANSPORTS)) {
    const declared = await declaredMethods(transport);
    assert.deepEqual([...declared].sort(), named(transport).sort(), transport);
    count += declared.length;
  }
  assert.equal(count, 94);
});

for (const place of PLACES) {
  for (const [transport, title] of Object.entries(TRANSPORTS)) {
    describe(`their SDK over ${title}, ${place}`, () => {
      let results;
      before(async () => (results = await callAll(transport, place)));
      for (const { method, refused } of CALLS.filter(({ method }) => named(transport).includes(method))) {
        test(`${method} ${refused ? `is refused: ${refused}` : "gives what is documented"}`, async () => {
          assert.equal(results.get(method), refused ?? "served");
        });
      }
    });
  }
}
