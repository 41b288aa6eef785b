// A proxy that writes down every request before it passes it on, or answers it itself.

import { createServer, request as send } from "node:http";

import { listen } from "../support/server.mjs";

/** The headers that say something to the service. The others are the runtime's business. */
const HEADERS = ["authorization", "content-type", "accept", "x-photon-server", "x-idempotency-key"];

/** Starts a recorder in front of `target`; it listens on a free port of the loopback. */
export async function startRecorder(target) {
  const recorder = { requests: [], answers: [] };
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      recorder.requests.push(recordOf(request, body));
      const answer = recorder.answers.shift();
      if (answer) answer(response);
      else pass(target, request, body, response);
    });
  });
  const { address, close } = await listen(server);
  Object.assign(recorder, { address, close });
  /** What was recorded since the last time. */
  recorder.take = () => recorder.requests.splice(0);
  return recorder;
}

function recordOf(request, body) {
  const url = new URL(request.url, "http://recorder");
  const headers = HEADERS.filter((name) => name in request.headers).map((name) => [name, request.headers[name]]);
  return {
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: Object.fromEntries(headers),
    ...(body.length > 0 && { body: JSON.parse(body) }),
  };
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pass(target, request, body, response) {
  const { method, url, headers } = request;
  const forward = send(new URL(url, target), { method, headers: { ...headers, host: new URL(target).host } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  forward.on("error", () => response.destroy());
  forward.end(body);
}

/** An answer of the recorder's own: JSON, a text, or nothing. */
export const answer = (status, headers, body) => (response) =>
  response
    .writeHead(status, { ...(typeof body === "object" && { "content-type": "application/json" }), ...headers })
    .end(typeof body === "object" ? JSON.stringify(body) : body);
