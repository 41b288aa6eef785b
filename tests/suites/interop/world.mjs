// What a scenario plays in: a gateway of its own, a client of one SDK, and the rest of the world. The gateway is the emulator itself,
// or a relay with the emulator behind it in the part of the real service.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { startGateway, startRelay } from "../support/gateway.mjs";
import { outcomeOf } from "./outcome.mjs";
import { openSdk } from "./sdk.mjs";

/** Often, because a heartbeat is the only sign of theirs that a stream is attached. */
const HEARTBEAT = ["--heartbeat-interval-ms", "100"];

/** The relay asks as often for what the service does not tell live. */
const RELAYED = [...HEARTBEAT, "--poll-interval-ms", "50"];

/** Opens a world for one SDK, at the `"emulator"` or behind a `"relay"`. */
export async function openWorld(sdk, place) {
  const data = await mkdtemp(join(tmpdir(), "im-chats-interop-"));
  const world = new World(sdk, data);
  try {
    world.service = await world.startService();
    world.gateway = world.service;
    if (place === "relay") {
      world.gateway = await startRelay(world.service, { data: join(data, "relay"), args: RELAYED });
      world.observer = (await openSdk("ours", world.gateway.address, { token: world.gateway.token })).im;
    }
    Object.assign(world, await world.connect());
    return world;
  } catch (error) {
    await world.close();
    throw error;
  }
}

class World {
  /** The emulator. */
  service;
  /** What the clients speak to: the emulator, or a relay before it. */
  gateway;
  /** Of a relay: a client that knows how far its log is. */
  observer;
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

  /** What other people, or other devices of the account, do; it has reached the gateway when this resolves. */
  async elsewhere(path, body) {
    const [status, answer] = await this.service.call("POST", `/emulator/v1/${path}`, body);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
    await this.#arrival(answer.last ?? answer.sequences.at(-1) ?? 0);
    return answer;
  }

  async #arrival(sequence) {
    const head = async () => (await all(this.observer.events.catchUp())).at(-1).headSequence;
    while (this.observer && (await head()) < sequence) await pause(10);
  }

  /** Starts to listen and waits until nothing can be missed any more. */
  async listen(stream) {
    const beat = new Promise((resolve) => (this.#heard = resolve));
    const heard = new Heard(this.module, stream);
    await Promise.race([stream.ready ?? beat, heard.ended]);
    return heard;
  }

  /** The service dies without a word and comes back at the same address, with what it had on disk. */
  async restart() {
    const { token, address } = this.service;
    const direct = this.gateway === this.service;
    await this.service.kill();
    this.service = await this.startService({ token, listen: new URL(address).host });
    if (direct) this.gateway = this.service;
    await this.#forgetConnections();
  }

  /**
   * In their SDK all clients of one process share the connections to an address, and one to a dead server passes for alive until it is
   * used. A new client is to stand for a new process here, which has none of these.
   */
  async #forgetConnections() {
    for (let left = 100; left > 0; left -= 1) {
      const { error } = await outcomeOf(this.module, () => this.im.chats.get("any;-;nobody@example.com"));
      if (error?.class !== "ConnectionError") return;
      await pause(10);
    }
    throw new Error("the server is back, and no call reaches it");
  }

  startService(options) {
    return startGateway({ data: join(this.data, "service"), args: HEARTBEAT, ...options });
  }

  async close() {
    await this.im?.close();
    await this.observer?.close();
    await this.gateway?.stop();
    if (this.gateway !== this.service) await this.service?.stop();
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
