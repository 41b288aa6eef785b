// What a run of chaos in a cluster comes to, in figures and as a table.

/** What no client may ever be told: each means that a front showed something else than the one log. */
const NEVER = ["cursorAhead", "cursorTooOld", "logChanged"];

const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];

/**
 * How long the quick stream gave nothing although there was something: the longest wait of each fault, in milliseconds.
 *
 * `pauses` are the stream's, with the sequence of the event that ended each; `writes` say when an event was written at the latest.
 */
export function waits(faults, pauses, writes) {
  const waited = pauses.map(({ from, to, sequence }) => {
    const write = writes.find(({ first, last }) => first <= sequence && sequence <= last);
    return { from, to, ms: to - Math.max(from, write?.at ?? from) };
  });
  return faults.map(({ since, settled }) =>
    waited.filter(({ from, to }) => to >= since && from <= settled).reduce((most, { ms }) => Math.max(most, ms), 0),
  );
}

/** The figures, and in `wrong` every promise that was not kept. */
export function figures({ seed, roles, log, verdicts, states, stuck, faults, pauses, writes, fronts, commits, judged, refusals, died }) {
  const longest = waits(faults, pauses, writes);
  const kinds = [...new Set(faults.flatMap(({ names }) => names))].sort();
  const result = {
    seed,
    roles,
    events: log.length,
    given: verdicts.reduce((total, { run }) => total + run.sequences.length, 0),
    runs: verdicts.length,
    ...Object.fromEntries(["lost", "repeated", "misordered", "foreign", "altered"].map((key) => [key, sum(verdicts, key)])),
    commits: commits.length,
    epochs: judged.epochs,
    writers: judged.writers,
    faults: Object.fromEntries(
      kinds.map((kind) => {
        const single = longest.filter((_, index) => faults[index].names.length === 1 && faults[index].names[0] === kind);
        const healed = faults.filter(({ names }) => names.length === 1 && names[0] === kind).map(({ healed, settled }) => settled - healed);
        const times = faults.filter(({ names }) => names.includes(kind)).length;
        const [longestWait, medianWait] = [Math.max(0, ...single), single.length ? median(single) : 0];
        return [kind, { times, single: single.length, longest: longestWait, median: medianWait, settled: Math.max(0, ...healed) }];
      }),
    ),
    together: Math.max(0, ...longest.filter((_, index) => faults[index].names.length > 1)),
    twice: faults.filter(({ names }) => names.length > 1).length,
    programs: verdicts.map(({ run, ...verdict }) => ({ program: run.program, events: run.sequences.length, ...verdict })),
  };
  result.wrong = [
    ...["lost", "repeated", "misordered", "foreign", "altered"].filter((key) => result[key] > 0).map((key) => `${result[key]} ${key}`),
    ...stuck.map((program) => `the program ${program} never saw the last event`),
    ...verdicts.filter(({ run }) => run.ended).map(({ run }) => `a stream of the program ${run.program} ended by itself`),
    ...NEVER.filter((code) => states.some((state) => state.code === code)).map((code) => `a client was told ${code}`),
    ...NEVER.filter((code) => refusals[code] > 0).map((code) => `a front said ${code} ${refusals[code]} times`),
    ...fronts,
    ...judged.wrong.slice(0, 10),
    ...(died ? [died] : []),
  ];
  return result;
}

/** For a person; also for `docs/reliability.md`. */
export function table(result) {
  const rows = [
    ["seed", result.seed],
    ["relays", result.roles.join(", ")],
    ["events in the emulator's log", result.events],
    ["events given to the programs", `${result.given}, in ${result.runs} runs`],
    ["lost / repeated / out of order", `${result.lost} / ${result.repeated} / ${result.misordered}`],
    ["foreign to the stream / altered runs", `${result.foreign} / ${result.altered}`],
    ["commits, epochs, writers", `${result.commits}, ${result.epochs}, ${result.writers}`],
    ...Object.entries(result.faults).map(([name, { times, single, longest, median, settled }]) => [
      name,
      single ? `${times}; longest wait ${longest} ms, median ${median} ms; whole again after ${settled} ms at most` : `${times}, with others`,
    ]),
    ["two at the same time", `${result.twice}; longest wait ${result.together} ms`],
    ["broken promises", result.wrong.join("; ") || "none"],
  ];
  return rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
}
