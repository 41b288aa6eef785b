// What should have been: the log itself, read from the gateway directly and without the SDK, and the comparison with it.

import { once } from "node:events";

import { digestOf, FRESH } from "./digest.mjs";

/** Every event of the log, by a catch-up in the frames of `docs/protocol.md`. */
export async function readLog({ address, token }, WebSocket) {
  const socket = new WebSocket(`${address.replace("http", "ws")}/v1/events`, "im.events.v1.json");
  await once(socket, "open");
  const send = (frame) => socket.send(JSON.stringify(frame));
  const log = [];
  const complete = new Promise((resolve, reject) => {
    socket.on("close", () => reject(new Error("the gateway cut the oracle's catch-up")));
    socket.on("message", (data) => {
      const frame = JSON.parse(data);
      if (frame.type === "error") reject(new Error(frame.message));
      if (frame.type === "complete") resolve();
      if (frame.type === "events") log.push(...frame.events);
    });
  });
  send({ type: "init", token });
  send({ type: "subscribe", id: 1, topic: "all", after: { sequence: 0 }, until: "head", credit: Number.MAX_SAFE_INTEGER });
  await complete;
  socket.removeAllListeners("close");
  socket.terminate();
  return log;
}

/** What `run` was given and should not have been, or was not and should have been. */
export function judge(run, log, last) {
  const wanted = log.filter(
    (event) =>
      event.sequence > run.after &&
      event.sequence <= (run.head ?? last) &&
      (run.messages || event.type.startsWith("chat.")) &&
      (run.chat === undefined || event.chatGuid === run.chat),
  );
  const given = new Set(run.sequences);
  const known = new Set(wanted.map((event) => event.sequence));
  // A program that crashed is owed nothing behind its crash.
  const reach = run.program === "crashing" ? run.sequences.reduce((most, sequence) => Math.max(most, sequence), 0) : Infinity;
  const owed = wanted.filter((event) => event.sequence <= reach);
  let misordered = 0;
  run.sequences.forEach((sequence, index) => (misordered += index > 0 && sequence < run.sequences[index - 1] ? 1 : 0));
  return {
    lost: owed.filter((event) => !given.has(event.sequence)).length,
    repeated: run.sequences.length - given.size,
    misordered,
    foreign: run.sequences.filter((sequence) => !known.has(sequence)).length,
    altered: run.digest === owed.reduce(digestOf, FRESH) ? 0 : 1,
  };
}
