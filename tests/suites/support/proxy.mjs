// A TCP proxy that does to a connection what networks do: it resets it, ends it, holds it up, delays it, refuses it, or
// swallows what passes while both ends believe they are connected.
//
//   const proxy = await startProxy(gateway.address);
//   … createClient({ address: proxy.address }) …
//   proxy.cut();            every connection is reset
//   proxy.blackhole();      every connection falls silent and stays open; new ones work
//   await proxy.close();

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** The directions of a connection. */
const DIRECTIONS = ["toServer", "toClient"];

/**
 * Starts a proxy in front of an `http://host:port`, or of what a function gives for each new connection: with nothing to go
 * to, a connection is reset. It listens on a free port of the loopback.
 */
export async function startProxy(target) {
  const proxy = new Proxy(target);
  await proxy.start();
  return proxy;
}

class Proxy {
  /** Where new connections go; a server that comes back elsewhere is given here. */
  target;
  address;
  /** Reset new connections at once, as a host without a server does. */
  refusing = false;
  /** Milliseconds by which each chunk is late. */
  delay = 0;
  /** How many connections there were. */
  accepted = 0;
  /** How many bytes were given to clients. */
  carried = 0;
  #server;
  #links = new Set();
  #partitions = 0;

  constructor(target) {
    this.target = target;
  }

  async start() {
    // Half-closed is a state of its own here: an end is passed on, or swallowed, like any other byte.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.address = `http://127.0.0.1:${this.#server.address().port}`;
  }

  #accept(client) {
    client.on("error", () => {});
    this.accepted += 1;
    if (this.refusing) return void client.resetAndDestroy();
    const target = typeof this.target === "function" ? this.target() : this.target;
    if (!target) return void client.resetAndDestroy();
    const { hostname, port } = new URL(target);
    const server = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    const link = new Link(this, client, server);
    if (this.#partitions > 0) link.hold();
    this.#links.add(link);
    link.gone.then(() => this.#links.delete(link));
  }

  /** How many connections are open. */
  get size() {
    return this.#links.size;
  }

  /** Cuts every open connection now: `"reset"` (RST) or `"end"` (FIN). */
  cut(how = "reset") {
    for (const link of this.#links) link.cut(how);
  }

  /**
   * Cuts every open connection once `bytes` more have passed in `direction`, perhaps in the middle of a frame. Resolves
   * when the first of them is cut.
   */
  async cutAfter(bytes, direction = "toClient", how = "reset") {
    if (this.#links.size === 0) return;
    await Promise.race([...this.#links].map((link) => link.cutAfter(bytes, direction, how)));
  }

  /** Holds every open connection up; the function given back lets it go on, nothing lost. */
  stall() {
    const held = [...this.#links];
    for (const link of held) link.hold();
    return () => held.forEach((link) => link.release());
  }

  /**
   * Carries nothing, on new connections too, until the function given back is called: then everything goes on, as TCP does
   * when a network is whole again.
   */
  partition() {
    this.#partitions += 1;
    for (const link of this.#links) link.hold();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#partitions -= 1;
      if (this.#partitions === 0) for (const link of this.#links) link.release();
    };
  }

  /**
   * Swallows, from now on, what passes on every open connection, its end included: half-open. Neither end learns of it. New
   * connections work.
   */
  blackhole(...directions) {
    for (const link of this.#links) for (const direction of directions.length ? directions : DIRECTIONS) link.swallow(direction);
  }

  /** Resets everything and stops. */
  async close() {
    this.refusing = true;
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** One connection through the proxy. */
class Link {
  /** Resolves when both sides are closed. */
  gone;
  #proxy;
  #sides;
  #swallowed = new Set();
  #budgets = new Map();
  #held;
  #release = () => {};

  constructor(proxy, client, server) {
    this.#proxy = proxy;
    this.#sides = [client, server];
    this.#carry(client, server, "toServer");
    this.#carry(server, client, "toClient");
    this.gone = Promise.all(this.#sides.map((side) => once(side, "close").catch(() => once(side, "close"))));
  }

  #carry(from, to, direction) {
    from.on("data", (chunk) => {
      // One chunk at a time: what waits, waits in the sender's socket, as behind a slow link.
      from.pause();
      void this.#pass(chunk, to, direction).then(() => from.resume());
    });
    from.on("end", () => this.#swallowed.has(direction) || to.end());
    from.on("error", () => this.#swallowed.has(direction) || this.cut("reset"));
    from.on("close", () => this.#swallowed.has(direction) || to.destroyed || to.destroySoon());
  }

  async #pass(chunk, to, direction) {
    if (this.#proxy.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.#proxy.delay));
    await this.#held;
    if (this.#swallowed.has(direction) || to.destroyed) return;
    const budget = this.#budgets.get(direction);
    if (budget) {
      if (chunk.length >= budget.left) {
        to.write(chunk.subarray(0, budget.left), () => {
          this.cut(budget.how);
          budget.done();
        });
        // Nothing behind the cut passes, whichever of the two sides is quicker.
        this.#swallowed.add(direction);
        return;
      }
      budget.left -= chunk.length;
    }
    if (direction === "toClient") this.#proxy.carried += chunk.length;
    if (!to.write(chunk)) await Promise.race([once(to, "drain"), once(to, "close")]).catch(() => {});
  }

  cut(how) {
    this.release();
    for (const side of this.#sides) {
      if (how === "end") side.destroySoon();
      // A socket whose end is on its way cannot be reset: libuv refuses, Node lets go of the handle all the same, and a
      // process with such a handle spins for ever when it should exit.
      else if (side.writableEnded) side.destroy();
      else side.resetAndDestroy();
    }
  }

  cutAfter(bytes, direction, how) {
    return new Promise((done) => {
      this.#budgets.set(direction, { left: bytes, how, done });
      // A connection that ends before has no more bytes to come.
      void this.gone.then(done);
    });
  }

  hold() {
    this.#held ??= new Promise((resolve) => (this.#release = resolve));
  }

  release() {
    this.#held = undefined;
    this.#release();
  }

  swallow(direction) {
    this.#swallowed.add(direction);
  }
}
