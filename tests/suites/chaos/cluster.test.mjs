// A short run of chaos in a cluster, and its judges: each must see what it is there for. The long form is
// `cargo xtask chaos --cluster`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chaos } from "./cluster/chaos.mjs";
import { judgeCommits } from "./cluster/oracle.mjs";
import { table, waits } from "./cluster/report.mjs";

/** What a short run must have had. */
const OWED = [
  "ingester kill -9",
  "NATS leader kill -9",
  "ingester frozen",
  "two ingesters: the lease is deleted",
  "front cut from NATS",
  "NATS node replaced",
];

describe("several relays over one log: nothing is lost, repeated or out of order, whatever breaks", () => {
  for (const { where, ...how } of [
    { where: "three that serve and write, in Node", owed: OWED },
    { where: "one that writes and two that serve, in Chromium", browser: true, roles: ["ingest", "front", "front"], owed: OWED.slice(0, 2) },
  ]) {
    test(where, { timeout: 170_000 }, async (context) => {
      const result = await chaos({ seconds: 10, events: 10_000, twice: 0, ...how });
      for (const line of table(result).split("\n")) context.diagnostic(line);
      assert.deepEqual(result.wrong, [], `seed ${result.seed}: ${JSON.stringify(result.programs)}`);
      assert.ok(result.events >= 10_000);
      assert.ok(result.writers > 1, "no second writer took over");
    });
  }
});

describe("the judge of the commits", () => {
  const log = [1, 2, 4, 5, 9].map((sequence) => ({ sequence }));
  const commit = (number, prev, last, epoch, id, events, kind = "events") => ({ number, prev, last, epoch, id, events, kind });
  const good = () => [commit(1, 0, 2, 1, "a-1", 2), commit(2, 2, 4, 1, "a-2", 3), commit(3, 4, 5, 3, "b-1", 4), commit(4, 5, 9, 3, "b-2", 5)];
  const judged = (change) => {
    const commits = good();
    change(commits);
    return judgeCommits(commits, log).wrong.join("; ");
  };

  test("finds nothing in a whole chain", () => {
    assert.deepEqual(judgeCommits(good(), log), { wrong: [], epochs: 2, writers: 2 });
  });

  for (const [what, change, said] of [
    ["a hole", (commits) => commits.splice(1, 1), /follows 4, and the one before ended at 2/],
    ["an overlap", (commits) => (commits[1].prev = 1), /follows 1, and the one before ended at 2/],
    ["a commit that was stored twice", (commits) => commits.splice(2, 0, { ...commits[1] }), /is there twice/],
    ["an epoch that goes down", (commits) => (commits[3].epoch = 2), /is of epoch 2, after one of 3/],
    ["a second writer in an epoch", (commits) => (commits[1].id = "c-1"), /is of c, and epoch 1 is a's/],
    ["a writer's commits out of their order", (commits) => (commits[3].id = "b-1"), /comes after the writer's own 1/],
    ["events that the upstream does not have", (commits) => (commits[0].events = 3), /says 3 events from 0 to 2, and the upstream has 2/],
    ["an end that is missing", (commits) => commits.pop(), /the stream ends at 5, and the upstream's log at 9/],
    ["a header that is missing", (commits) => (commits[1].epoch = NaN), /a header is missing/],
  ]) {
    test(`sees ${what}`, () => assert.match(judged(change), said));
  }
});

test("the longest wait of a fault begins when something was written, not when the stream fell silent", () => {
  const faults = [{ since: 1_000, settled: 5_000 }, { since: 6_000, settled: 7_000 }];
  const pauses = [{ from: 900, to: 4_000, sequence: 7 }, { from: 6_100, to: 6_500, sequence: 9 }];
  const writes = [{ at: 1_500, first: 5, last: 7 }];
  assert.deepEqual(waits(faults, pauses, writes), [2_500, 400]);
});
