// What a run of chaos comes to, in figures and as a table.

/** The longest wait between two attempts of a client. */
const BACKOFF_CAP_MS = 20_000;

/** What a busy machine may add to any time. */
const SLACK_MS = 4_000;

const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);

/** The smallest of `times` that so many per cent of them do not exceed. */
const percentile = (times, percent) => [...times].sort((a, b) => a - b)[Math.max(0, Math.ceil((times.length * percent) / 100) - 1)];

const spread = (times) =>
  times.length ? { n: times.length, p50: percentile(times, 50), p99: percentile(times, 99), max: Math.max(...times) } : { n: 0 };

/** The figures, and in `wrong` every promise that was not kept. */
export function figures({ seed, log, verdicts, cuts, states, stuck, heartbeatMs, upstream = {} }) {
  const loud = cuts.filter((cut) => !cut.silent);
  const silent = cuts.filter((cut) => cut.silent);
  const single = loud.filter((cut) => !cut.twice);
  const back = ({ healed, liveAt }) => Math.max(0, liveAt - healed);
  const last = cuts.at(-1);
  const noticed = (which) => spread(silent.filter(({ deaf }) => deaf === which).map(({ since, lostAt }) => lostAt - since));
  const [detection, deafDetection] = [noticed(false), noticed(true)];
  const result = {
    seed,
    events: log.length,
    upstream,
    given: verdicts.reduce((total, { run }) => total + run.sequences.length, 0),
    runs: verdicts.length,
    lost: sum(verdicts, "lost"),
    repeated: sum(verdicts, "repeated"),
    misordered: sum(verdicts, "misordered"),
    foreign: sum(verdicts, "foreign"),
    altered: sum(verdicts, "altered"),
    faults: Object.fromEntries([...new Set(cuts.map(({ name }) => name))].sort().map((name) => [name, cuts.filter((cut) => cut.name === name).length])),
    fresh: spread(single.filter(({ fresh }) => fresh).map(back)),
    burst: spread(single.filter(({ fresh }) => !fresh).map(back)),
    detection,
    detectionBound: 2 * heartbeatMs + 5_000,
    deafDetection,
    // The ping goes with the next heartbeat; the events that credit still allows buy it time, at most so often.
    deafDetectionBound: heartbeatMs + 4 * (2 * heartbeatMs + 5_000),
    afterSilence: spread(silent.map(({ lostAt, liveAt }) => liveAt - lostAt)),
    lastFaultToLive: last.silent ? last.liveAt - last.lostAt : back(last),
    programs: verdicts.map(({ run, ...verdict }) => ({ program: run.program, events: run.sequences.length, ...verdict })),
  };
  result.wrong = [
    ...["lost", "repeated", "misordered", "foreign", "altered"].filter((key) => result[key] > 0).map((key) => `${result[key]} ${key}`),
    ...stuck.map((program) => `the program ${program} never saw the last event`),
    ...verdicts.filter(({ run }) => run.ended).map(({ run }) => `a stream of the program ${run.program} ended by itself`),
    ...(detection.max > result.detectionBound + SLACK_MS ? [`a half-open link was noticed after ${detection.max} ms only`] : []),
    ...(deafDetection.max > result.deafDetectionBound + SLACK_MS
      ? [`a server that hears nothing was noticed after ${deafDetection.max} ms only`]
      : []),
    ...(result.lastFaultToLive > BACKOFF_CAP_MS + SLACK_MS ? [`live ${result.lastFaultToLive} ms after the last fault`] : []),
    ...(result.fresh.p99 > 250 + SLACK_MS ? [`live ${result.fresh.p99} ms after a single cut`] : []),
    ...(["live", "closed"].includes(states.at(-1)?.state) ? [] : [`the connection is ${states.at(-1)?.state} at the end`]),
  ];
  return result;
}

const times = ({ n, p50, p99, max }) => (n ? `p50 ${p50} ms, p99 ${p99} ms, longest ${max} ms (${n})` : "none");

/** For a person; also for `docs/reliability.md`. */
export function table(result) {
  const rows = [
    ["seed", result.seed],
    ["events in the log", result.events],
    ["events given to the programs", `${result.given}, in ${result.runs} runs`],
    ["lost / repeated / out of order", `${result.lost} / ${result.repeated} / ${result.misordered}`],
    ["foreign to the stream / altered runs", `${result.foreign} / ${result.altered}`],
    ...(Object.keys(result.upstream).length
      ? [["faults between relay and upstream", Object.entries(result.upstream).map(([name, count]) => `${name} ${count}`).join(", ")]]
      : []),
    ["cuts", Object.entries(result.faults).map(([name, count]) => `${name} ${count}`).join(", ")],
    ["cut → live, after 10 s of health", times(result.fresh)],
    ["cut → live, cut after cut", times(result.burst)],
    [`half-open link noticed (at most ${result.detectionBound} ms)`, times(result.detection)],
    [`server that hears nothing noticed (at most ${result.deafDetectionBound} ms)`, times(result.deafDetection)],
    ["half-open noticed → live", times(result.afterSilence)],
    ["last fault → live", `${result.lastFaultToLive} ms`],
    ["broken promises", result.wrong.join("; ") || "none"],
  ];
  return rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
}
