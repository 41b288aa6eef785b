// The same script in all SDKs: whatever their SDK gives, ours gives too, field by field, except where it is meant to differ.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { callEverything, page } from "./compatibility.mjs";
import { DIFFERENCES, explanation } from "./differences.mjs";
import { differences } from "./outcome.mjs";
import { play } from "./play.mjs";
import { SCENARIOS, nameOf } from "./scenarios/index.mjs";
import { SDKS, TITLES } from "./sdk.mjs";

/** The emulator itself; and, behind a relay, in the part of the real service. */
const PLACES = ["emulator", "relay"];

const played = Object.fromEntries(PLACES.map((place) => [place, new Map()]));
const applied = new Set();

for (const place of PLACES) {
  describe(`their SDK and ours, ${place}`, { concurrency: 2 }, () => {
    for (const scenario of SCENARIOS.filter(({ withoutService }) => place === "emulator" || !withoutService)) {
      test(nameOf(scenario), async () => {
        const results = await play(scenario, place);
        played[place].set(scenario, results);
        const [holds, seen, error] = results.ours.answer;
        assert.ok(holds, `${TITLES.ours}: ${seen}${error ? `\n${error.stack}` : ""}`);
        if (scenario.ownWay) return;
        for (const sdk of SDKS) {
          if (results[sdk] && sdk !== "ours") compare(sdk, results[sdk], results.ours);
          // Nobody notices whether the service is behind the address or is the address.
          assert.deepEqual(results[sdk]?.answer, played.emulator.get(scenario)?.[sdk]?.answer, `${TITLES[sdk]}, ${place}`);
        }
      });
    }
  });
}

function compare(sdk, theirs, ours) {
  const labels = ({ seen }) => seen.map(([label]) => label);
  assert.deepEqual(labels(theirs), labels(ours), `${TITLES[sdk]} came another way: ${theirs.answer[2]?.stack ?? theirs.answer[1]}`);
  const unexplained = [];
  for (const [index, [label, their]] of theirs.seen.entries()) {
    const our = ours.seen[index][1];
    for (const found of differences(their, our)) {
      const entry = explanation({ ...found, their, our, sdk });
      if (entry) applied.add(entry);
      else unexplained.push({ label, ...found });
    }
  }
  assert.deepEqual(unexplained, [], `${TITLES[sdk]} differs`);
}

test("every difference that is meant was seen", () => {
  const stale = DIFFERENCES.filter((entry) => !applied.has(entry)).map((entry) => entry.what);
  assert.deepEqual(stale, []);
});

test("docs/compatibility.md is what was seen; `cargo xtask compat` writes it", async () => {
  const written = await readFile(join(process.env.IM_CHATS_ROOT, "docs/compatibility.md"), "utf8");
  const methods = await callEverything();
  const [old, now] = [written, page(played.emulator, methods)].map((text) => text.split("\n"));
  // The lines that differ say more than two pages.
  assert.deepEqual({ gone: old.filter((line) => !now.includes(line)), new: now.filter((line) => !old.includes(line)) }, { gone: [], new: [] });
  assert.deepEqual(old, now);
});
