// A short run of the bot of examples/bot that is killed, and its server with it. The long form is `cargo xtask chaos --replies`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { replies, table } from "./replies.mjs";

describe("every message has one reply, however often the bot and its server die", () => {
  for (const { where, ...how } of [{ where: "at the emulator" }, { where: "behind a relay", relay: true }]) {
    test(where, { timeout: 150_000 }, async (context) => {
      const result = await replies({ kills: 5, ...how });
      for (const line of table(result).split("\n")) context.diagnostic(line);
      assert.deepEqual(result.wrong, [], `seed ${result.seed}`);
      assert.ok(result.messages > 10, `${result.messages} messages`);
    });
  }
});
