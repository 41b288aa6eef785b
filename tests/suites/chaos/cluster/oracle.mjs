// What the stream must be after everything: one chain of commits without a hole, of one writer at a time, that says exactly what
// the upstream's log says.

/** How many messages are asked for at once. */
const AT_ONCE = 64;

/** Every message of a stream, in order, by their numbers; a number without a message is `undefined`. */
export async function readStream(client, stream) {
  const { state } = await client.api(`STREAM.INFO.${stream}`);
  const messages = [];
  for (let from = state.first_seq; from <= state.last_seq; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, state.last_seq - from + 1) }, (_, index) => from + index);
    messages.push(...(await Promise.all(numbers.map((number) => client.message(stream, number)))));
  }
  return messages;
}

/** The commit that a message's headers tell of. */
export function commitOf({ sequence, headers }) {
  const [prev, last, epoch, events] = ["im-prev", "im-last", "im-epoch", "im-events"].map((name) => Number(headers[name]));
  return { number: sequence, prev, last, epoch, events, id: headers["im-commit"], kind: headers["im-kind"] };
}

/** What is wrong with these commits, one sentence each; `log` is the upstream's log, which they must say all of. */
export function judgeCommits(commits, log) {
  const wrong = [];
  const say = (commit, what) => wrong.push(`commit ${commit.number} (${commit.id}): ${what}`);
  const writers = new Map();
  const ids = new Set();
  let before = { last: 0, epoch: 0, events: 0, number: 0 };
  let at = 0;
  for (const commit of commits) {
    const { number, prev, last, epoch, events, id, kind } = commit;
    if (![prev, last, epoch, events].every(Number.isSafeInteger) || !id) say(commit, "a header is missing");
    if (number !== before.number + 1) say(commit, `follows message ${before.number}`);
    if (prev !== before.last) say(commit, `follows ${prev}, and the one before ended at ${before.last}`);
    if (last <= prev) say(commit, `ends at ${last}, which is not after ${prev}`);
    if (epoch < before.epoch) say(commit, `is of epoch ${epoch}, after one of ${before.epoch}`);
    if (ids.has(id)) say(commit, "is there twice");
    ids.add(id);
    // `WRITER-N`: one writer an epoch, whose commits are in its own order.
    const [, writer, count] = /^(.+)-(\d+)$/.exec(id ?? "") ?? [undefined, id, "0"];
    const known = writers.get(epoch) ?? { writer, count: 0 };
    if (known.writer !== writer) say(commit, `is of ${writer}, and epoch ${epoch} is ${known.writer}'s`);
    if (Number(count) <= known.count) say(commit, `comes after the writer's own ${known.count}`);
    writers.set(epoch, { writer: known.writer, count: Number(count) });
    let held = 0;
    for (; at < log.length && log[at].sequence <= last; at += 1) held += log[at].sequence > prev ? 1 : 0;
    const said = kind === "skip" ? 0 : events - before.events;
    if (kind !== "skip" && said !== held) say(commit, `says ${said} events from ${prev} to ${last}, and the upstream has ${held}`);
    before = commit;
  }
  if (at < log.length) wrong.push(`the stream ends at ${before.last}, and the upstream's log at ${log.at(-1).sequence}`);
  return { wrong, epochs: writers.size, writers: new Set([...writers.values()].map(({ writer }) => writer)).size };
}
