// A short run of chaos in each runtime. The long form is `cargo xtask chaos`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chaos } from "./chaos.mjs";
import { table } from "./report.mjs";

describe("nothing is lost, repeated or out of order, whatever breaks", () => {
  for (const { where, ...how } of [
    { where: "in Node" },
    { where: "in Chromium", browser: true },
    { where: "in Node, through a relay", relay: true },
  ]) {
    test(where, { timeout: 150_000 }, async (context) => {
      const result = await chaos({ seconds: 30, events: 25_000, ...how });
      for (const line of table(result).split("\n")) context.diagnostic(line);
      assert.deepEqual(result.wrong, [], `seed ${result.seed}: ${JSON.stringify(result.programs)}`);
      assert.ok(result.events >= 25_000);
    });
  }
});
