// What a scenario plays in: a gateway of its own, a client of one SDK, and the rest of the world.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startGateway } from "../support/gateway.mjs";
import { outcomeOf } from "./outcome.mjs";
import { openSdk } from "./sdk.mjs";

/** Often, because a heartbeat is the only sign of theirs that a stream is attached. */
const HEARTBEAT = ["--heartbeat-interval-ms", "100"];

/** Opens a world for one SDK. */
export async function openWorld(sdk, options = {}) {
  const data = await mkdtemp(join(tmpdir(), "im-chats-interop-"));
  const world = new World(sdk, data);
  world.gateway = await startGateway({ data, args: HEARTBEAT });
  Object.assign(world, await world.connect(options));
  return world;
}

class World {
  /** The gateway of this world. */
  gateway;
  /** The SDK's client, and its module with the classes of its errors. */
  im;
  module;
  /** Everything that was observed, in order: `[label, outcome]`. */
  seen = [];
  #heard = () => {};

  constructor(sdk, data) {
    this.sdk = sdk;
    this.data = data;
  }

  /** One more client of the same SDK. */
  connect({ address = this.gateway.address, token = this.gateway.token, ...options } = {}) {
    return openSdk(this.sdk, address, { token, ...options, onHeartbeat: () => this.#heard() });
  }

  /** Makes a call and keeps what it led to, under a name, for the comparison. */
  see = async (label, call) => {
    const outcome = await outcomeOf(this.module, call);
    this.seen.push([label, outcome]);
    return outcome;
  };

  /** What other people, or other devices of the account, do. */
  async elsewhere(path, body) {
    const [status, answer] = await this.gateway.call("POST", `/emulator/v1/${path}`, body);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Starts to listen and waits until nothing can be missed any more. */
  async listen(stream) {
    const beat = new Promise((resolve) => (this.#heard = resolve));
    const heard = new Heard(this.module, stream);
    await Promise.race([stream.ready ?? beat, heard.ended]);
    return heard;
  }

  /** The server dies without a word and comes back at the same address, with what it had on disk. */
  async restart() {
    const { token, address } = this.gateway;
    await this.gateway.kill();
    this.gateway = await startGateway({ data: this.data, args: HEARTBEAT, token, listen: new URL(address).host });
  }

  async close() {
    await this.im?.close();
    await this.gateway?.stop();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** What a stream gave until now. */
export class Heard {
  events = [];
  /** The error it ended with. */
  error;
  /** Resolves when it has ended. */
  ended;
  #over = false;
  #stream;
  #changed = () => {};

  constructor(module, stream) {
    this.#stream = stream;
    this.ended = outcomeOf(module, async () => {
      for await (const event of stream) {
        this.events.push(event);
        this.#changed();
      }
    }).then(({ error }) => {
      this.error = error;
      this.#over = true;
      this.#changed();
    });
  }

  /** The first so many events; fewer when the stream ends before. */
  async first(count) {
    while (this.events.length < count && !this.#over) await new Promise((resolve) => (this.#changed = resolve));
    return this.events.slice(0, count);
  }

  async stop() {
    await this.#stream.close();
    await this.ended;
  }
}

/** Everything that a stream gives until its end. */
export async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}
