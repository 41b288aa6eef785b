// What a user's programs do while everything around them breaks. The same file runs in Node and in a page: it knows nothing
// of gateways, proxies or tests, and reports what its streams gave it, for others to judge.

import { digestOf, FRESH } from "./digest.mjs";

/** Events of this actor are the last ones: every program ends with the first it sees. */
export const LAST = "last@example.com";

/** A pause between two events that is worth a note. */
const NOTED_MS = 250;

/** One pass of a loop over one stream: what it was given, in the order it was given. */
class Run {
  constructor(program, details) {
    Object.assign(this, { program, sequences: [], digest: FRESH, ...details });
  }

  /** Takes an event; whether it is the last. */
  take(event) {
    this.sequences.push(event.sequence);
    this.digest = digestOf(this.digest, event);
    return event.actor?.address === LAST;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sequenceOf = (cursor) => Number(cursor.split("@")[0]);

/**
 * Starts the programs. `chat` is the one chat that one of them watches; `seed` decides where programs crash.
 *
 * Three clients, hence three sockets: one whose streams are as quick as can be, whose states are recorded; one that
 * dawdles; and one that is born and dies with its program.
 */
export function startPrograms({ createClient, address, token, chat, random }) {
  const runs = [];
  const states = [];
  const pauses = [];
  const watchers = new Set();
  const client = () => createClient({ address, token });
  const [quick, slow] = [client(), client()];
  let over = false;

  quick.connection.on(({ state, lastError }) => {
    states.push({ at: Date.now(), state, why: lastError?.message, code: lastError?.code });
    for (const look of watchers) look();
  });

  /** Notes the pauses of the stream that is as quick as can be. */
  let reached = { sequence: 0, at: Date.now() };
  const reach = ({ sequence }) => {
    const at = Date.now();
    if (at - reached.at >= NOTED_MS) pauses.push({ from: reached.at, to: at, sequence });
    reached = { sequence, at };
    for (const look of watchers) look();
  };

  const follow = async (stream, run, between = () => {}) => {
    runs.push(run);
    for await (const event of stream) {
      if (run.take(event)) return;
      await between(event);
    }
    run.ended = true; // A stream that ends by itself is a fault: nobody asked it to.
  };

  const programs = {
    all: () => follow(quick.chats.subscribeEvents({ after: 0 }), new Run("all", { after: 0 }), reach),
    one: () => follow(quick.chats.subscribeEvents({ after: 0, chat }), new Run("one", { after: 0, chat })),
    async live() {
      const stream = quick.chats.subscribeEvents();
      await stream.ready;
      await follow(stream, new Run("live", { after: sequenceOf(stream.cursor) }));
    },
    /** Stalls for a while, every now and then: what it does not take waits at the server. */
    slow() {
      let count = 0;
      const dawdle = () => (++count % 2_000 === 0 ? pause(random() * 200) : undefined);
      return follow(slow.chats.subscribeEvents({ after: 0 }), new Run("slow", { after: 0 }), dawdle);
    },
    /** Saves its cursor with every event, dies in the middle of one, and comes back from what it saved. */
    async crashing() {
      let saved;
      for (let last = false; !last; ) {
        const im = client();
        const run = new Run("crashing", { after: saved ? sequenceOf(saved) : 0 });
        runs.push(run);
        let left = 1 + Math.floor(random() * 3_000);
        const stream = im.chats.subscribeEvents({ after: saved ?? 0 });
        for await (const event of stream) {
          last = run.take(event);
          if (last || --left === 0) break; // Before it could save: this event comes again.
          saved = stream.cursor ?? saved;
        }
        await im.close();
      }
    },
    /** Reads the log in pieces, each to the head of its moment. */
    async catchingUp() {
      for (let after = 0, last = false; !last; ) {
        const run = new Run("catchingUp", { after, messages: true });
        runs.push(run);
        for await (const event of slow.events.catchUp(after)) {
          if (event.type === "catchup.complete") run.head = event.headSequence;
          else last = run.take(event) || last;
        }
        // The last event of all may be met by a later piece only.
        if (run.head === undefined) throw new Error("a catch-up ended without its head");
        after = run.head;
        if (!last) await pause(over ? 10 : 300);
      }
    },
  };
  const unfinished = new Set(Object.keys(programs));
  const finished = Promise.all(
    Object.entries(programs).map(async ([name, program]) => {
      await program();
      unfinished.delete(name);
    }),
  );
  finished.catch(() => {}); // Told by `result`.

  return {
    /** Resolves once the recorded client is live, caught up with what there was at the start. */
    ready: () => until(() => states.at(-1)?.state === "live", watchers),
    /** When the cut was noticed that came at `since` or after, and when the client was live again. */
    recovery: (since) => until(() => recovery(states, since), watchers),
    /** Resolves once the quick stream gave the chat event with this sequence, or a later one. */
    reached: (sequence) => until(() => reached.sequence >= sequence, watchers),
    /** No more faults will come. */
    finish() {
      over = true;
    },
    /** What every run was given, once all programs saw the last event; or what was wrong after `ms`. */
    async result(ms) {
      const late = pause(ms).then(() => [...unfinished]);
      const stuck = await Promise.race([finished.then(() => []), late]);
      await Promise.all([quick.close(), slow.close()]);
      return { runs, states, stuck, pauses };
    },
  };
}

const LOST = ["reconnecting", "offline", "connecting"];

function recovery(states, since) {
  const lost = states.findIndex(({ at, state }) => at >= since && LOST.includes(state));
  const live = states.findIndex(({ state }, index) => lost >= 0 && index > lost && state === "live");
  return live > 0 && { lostAt: states[lost].at, liveAt: states[live].at };
}

/** Resolves with what `look` finds, as soon as it finds it. */
function until(look, watchers) {
  return new Promise((resolve) => {
    const again = () => {
      const found = look();
      if (!found) return;
      watchers.delete(again);
      resolve(found);
    };
    watchers.add(again);
    again();
  });
}
