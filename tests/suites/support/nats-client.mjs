// The little of a NATS client that the tests need: requests, publishing with headers, and JetStream's API in JSON.
// https://docs.nats.io/reference/reference-protocols/nats-protocol

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

/** How long an answer may take. */
const PATIENCE_MS = 2_000;

/** Connects to `host:port`; `user` and `pass`, when the server asks for them. */
export async function connectNats(address, { user, pass } = {}) {
  const [host, port] = address.split(":");
  const socket = connect({ host, port: Number(port), noDelay: true });
  const client = new Client(socket);
  try {
    await within("a connection", once(socket, "connect"));
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: "test", version: "0", protocol: 1 };
    socket.write(`CONNECT ${JSON.stringify({ ...options, ...(user && { user, pass }) })}\r\n`);
    socket.write(`SUB ${client.inbox}.* 1\r\nPING\r\n`);
    await within("a pong", client.ponged);
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

async function within(what, answer) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`NATS gave no ${what} within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Client {
  inbox = `_INBOX.${randomBytes(8).toString("hex")}`;
  /** Resolves with the first pong. */
  ponged;
  #socket;
  #buffer = Buffer.alloc(0);
  #waiting = new Map();
  #listeners = new Map();
  #next = 1;
  #pong;
  #failed;

  constructor(socket) {
    this.#socket = socket;
    this.ponged = new Promise((resolve, reject) => ([this.#pong, this.#failed] = [resolve, reject]));
    this.ponged.catch(() => {});
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("NATS closed the connection")));
  }

  #fail(error) {
    this.#failed(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #take(chunk) {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end < 0) return;
      const [verb, ...words] = this.#buffer.toString("utf8", 0, end).split(/\s+/);
      let rest = end + 2;
      if (verb === "MSG" || verb === "HMSG") {
        const total = Number(words.at(-1));
        if (this.#buffer.length < rest + total + 2) return;
        const split = verb === "HMSG" ? Number(words.at(-2)) : 0;
        const body = this.#buffer.subarray(rest, rest + total);
        rest += total + 2;
        const message = { subject: words[0], headers: readHeaders(body.toString("utf8", 0, split)), data: body.subarray(split) };
        if (words[1] === "1") this.#answer(message);
        else this.#listeners.get(words[1])?.(message);
      } else if (verb === "PING") this.#socket.write("PONG\r\n");
      else if (verb === "PONG") this.#pong();
      else if (verb === "-ERR") this.#fail(new Error(`NATS says ${words.join(" ")}`));
      this.#buffer = this.#buffer.subarray(rest);
    }
  }

  #answer(message) {
    const id = message.subject.split(".").at(-1);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (message.headers.status === "503") waiting?.reject(new Error("nobody answers"));
    else waiting?.resolve(message);
  }

  /** Publishes; with `headers` by their names. */
  publish(subject, data = "", { headers, reply = "" } = {}) {
    const body = Buffer.from(data);
    const to = reply ? `${subject} ${reply}` : subject;
    if (!headers) {
      this.#socket.write(Buffer.concat([Buffer.from(`PUB ${to} ${body.length}\r\n`), body, Buffer.from("\r\n")]));
      return;
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
    const line = Buffer.from(`HPUB ${to} ${head.length} ${head.length + body.length}\r\n`);
    this.#socket.write(Buffer.concat([line, head, body, Buffer.from("\r\n")]));
  }

  /** Calls `take` with each message of `subject`. */
  subscribe(subject, take) {
    const id = String((this.#next += 1));
    this.#listeners.set(id, take);
    this.#socket.write(`SUB ${subject} ${id}\r\n`);
  }

  /** Publishes, and gives the answer. */
  async request(subject, data = "", { headers } = {}) {
    const id = String((this.#next += 1));
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.publish(subject, data, { headers, reply: `${this.inbox}.${id}` });
    try {
      return await within(`answer to ${subject}`, answer);
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** Calls JetStream: `api("STREAM.INFO.name")`. What it refuses is an error with its `code`. */
  async api(name, body) {
    const { data } = await this.request(`$JS.API.${name}`, body === undefined ? "" : JSON.stringify(body));
    return accepted(data);
  }

  /** The message at `sequence` of a stream. */
  async message(stream, sequence) {
    const { message } = await this.api(`STREAM.MSG.GET.${stream}`, { seq: sequence });
    return decoded(message);
  }

  /** The value of a key in a bucket, as text; nothing when there is none. */
  async key(bucket, key) {
    try {
      const { message } = await this.api(`STREAM.MSG.GET.KV_${bucket}`, { last_by_subj: `$KV.${bucket}.${key}` });
      const { headers, data } = decoded(message);
      return headers["kv-operation"] ? undefined : data.toString();
    } catch (error) {
      if (error.code === 10037) return undefined; // No message found.
      throw error;
    }
  }

  /** Deletes a key of a bucket, whatever is in it. */
  async deleteKey(bucket, key) {
    accepted((await this.request(`$KV.${bucket}.${key}`, "", { headers: { "KV-Operation": "DEL" } })).data);
  }

  close() {
    this.#socket.destroy();
  }
}

function accepted(data) {
  const answer = JSON.parse(data.toString());
  if (!answer.error) return answer;
  throw Object.assign(new Error(answer.error.description), { code: answer.error.err_code });
}

function decoded({ seq, hdrs = "", data = "", subject }) {
  return { sequence: seq, subject, headers: readHeaders(Buffer.from(hdrs, "base64").toString()), data: Buffer.from(data, "base64") };
}

/** Headers by their names in lower case, and the status of the first line, where there is one. */
function readHeaders(text) {
  const [first = "", ...lines] = text.split("\r\n");
  const pairs = lines.map((line) => /^([^:]+):(.*)$/.exec(line)).filter(Boolean);
  const headers = Object.fromEntries(pairs.map(([, name, value]) => [name.toLowerCase(), value.trim()]));
  const status = /^NATS\/1\.0 (\d{3})/.exec(first)?.[1];
  return status ? { ...headers, status } : headers;
}
