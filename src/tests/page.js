/** The noon that every test begins at. */
const NOON = Date.UTC(2027, 0, 15, 12);

/** The runtime's own, also where a test has several pages. */
const setTimeout = globalThis.setTimeout.bind(globalThis);

const REPLACED = ["fetch", "setTimeout", "clearTimeout", "WebSocket"];

/** A socket in the test's hands: what the wasm sets on it, and what it sent. */
function fakeSocket(page) {
  return class FakeSocket {
    sent = [];
    onopen = null;
    onmessage = null;
    onerror = null;
    onclose = null;

    constructor(url, protocol) {
      if (page.constructorThrows) throw page.constructorThrows;
      this.url = url;
      this.protocol = protocol;
      if (page.hasTerminate) this.terminate = () => (this.terminated = true);
      page.sockets.push(this);
      page.changed();
    }

    send(text) {
      this.sent.push(JSON.parse(text));
      page.changed();
    }

    close(code) {
      this.closed = code;
      page.changed();
    }

    receive(frame) {
      this.onmessage({ data: JSON.stringify(frame) });
    }

    /** As a server does that accepts the client. */
    greet(head = 0, maxSubscriptions = 8) {
      const limits = { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions };
      this.onopen();
      this.receive({ type: "ready", protocol: 1, log: { id: "l", first: 0, head }, heartbeatIntervalMs: 15_000, limits });
    }

    events(id, prev, through, events) {
      this.receive({ type: "events", id, prev, through, events });
    }

    /** As a network does that breaks. */
    break(code = 1006, reason = "") {
      this.onclose({ code, reason });
    }

    subscribed(id, after, head = after) {
      this.receive({ type: "subscribed", id, after: { log: "l", sequence: after }, head });
    }

    get listeners() {
      return [this.onopen, this.onmessage, this.onerror, this.onclose];
    }
  };
}

/** The globals that the wasm uses, in the test's hands until `restore`, and the shell's half of a client. */
export class Page {
  /** Every request: its parts, and its signal. */
  requests = [];
  /** What `fetch` gives, one after the other: functions of the request. */
  answers = [];
  /** Timers that wait. They fire only by `advance`. */
  timers = new Map();
  sockets = [];
  statuses = [];
  gaps = [];
  /** The user's signals that are listened to. */
  listening = 0;
  tokensAsked = 0;
  now = NOON;
  random = 0.5;
  #real = {};
  #now = Date.now;
  #random = Math.random;
  #watchers = new Set();
  #lastTimer = 0;

  constructor(options) {
    const page = this;
    const FakeSocket = fakeSocket(this);
    const { token = () => "t", ...others } = options ?? {};
    this.host = {
      baseUrl: "http://im.example.com",
      timeout: 60_000,
      maxAttempts: 3,
      initialDelay: 0,
      maxDelay: 0,
      autoIdempotency: true,
      server: undefined,
      tokenIsFixed: false,
      token() {
        page.tokensAsked += 1;
        page.changed();
        return token(page.tokensAsked);
      },
      error: (category, message, details, cause) => Object.assign(new Error(message), { category, cause }, details),
      webSocket: () => FakeSocket,
      abortReason: ({ reason }) => (reason === undefined ? "no reason" : reason),

      onAbort(signal, act) {
        signal.addEventListener("abort", act);
        page.listening += 1;
        return () => {
          signal.removeEventListener("abort", act);
          page.listening -= 1;
        };
      },
      sequences: (events, places) => places.set(Array.from(events, (event) => (typeof event?.sequence === "number" ? event.sequence : NaN))),
      base64: (bytes) => btoa(String.fromCharCode(...bytes)),
      statusChanged(state, error, failed) {
        page.statuses.push({ state, error, failed });
        page.changed();
      },
      lagGrew() {},
      gapSkipped: (gap, onGap) => page.gaps.push({ gap, onGap }),
      ...others,
    };
    this.weak = { deref: () => this.host };
    for (const name of REPLACED) this.#real[name] = globalThis[name];
    globalThis.fetch = (request, init) => this.#fetch(request, init);
    globalThis.setTimeout = (act, delay) => this.#setTimeout(act, delay);
    globalThis.clearTimeout = (id) => this.timers.delete(id);
    // A global one must not be used: the shell hands it in.
    globalThis.WebSocket = undefined;
    Date.now = () => this.now;
    Math.random = () => this.random;
  }

  /** Takes the client; expressions know it by these names. */
  set client(client) {
    const { chats, events, messages, groups } = client;
    this.parts = { client, chats, events, messages, groups };
  }

  /** Begins something; what comes of it is the `result`. */
  start(promise) {
    this.result = undefined;
    this.settled = Promise.resolve(promise)
      .then((value) => (this.result = { value }), (error) => (this.result = { error }))
      .then(() => this.changed());
  }

  /** As the engine does with what nobody refers to. */
  forget() {
    Object.values(this.parts ?? {}).forEach((part) => part?.free());
    this.parts = undefined;
  }

  /** Ends the client, and gives the globals back. */
  restore() {
    this.parts?.client.close();
    this.forget();
    Object.assign(globalThis, this.#real);
    Date.now = this.#now;
    Math.random = this.#random;
  }

  #fetch(target, init) {
    const request = new Request(target, init);
    const record = {
      url: request.url,
      method: request.method,
      headers: Object.fromEntries(request.headers),
      body: init.body,
      signal: init.signal,
      mode: init.mode,
    };
    this.requests.push(record);
    this.changed();
    const answer = this.answers.shift();
    if (!answer) throw new Error("the test has no answer for " + request.url);
    return answer(record);
  }

  #setTimeout(act, delay) {
    const id = ++this.#lastTimer;
    this.timers.set(id, { act, at: this.now + delay, delay });
    this.changed();
    return id;
  }

  /** Lets so many milliseconds go by, and fires what is due, in its order. */
  advance(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
      if (!due) break;
      const [id, { act, at }] = due;
      this.timers.delete(id);
      this.now = Math.max(this.now, at);
      act();
    }
    this.now = end;
  }

  get delays() {
    return [...this.timers.values()].map(({ delay }) => delay);
  }

  get socket() {
    return this.sockets.at(-1);
  }

  get state() {
    return this.statuses.at(-1)?.state;
  }

  changed() {
    for (const look of [...this.#watchers]) look();
  }

  /** Resolves once `condition` holds, which is looked at whenever something happened. */
  until(condition) {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves after everything that waits for nothing but its turn. */
  turn() {
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** An answer in JSON. */
export function json(body, status = 200, headers = {}) {
  return () => Promise.resolve(new Response(JSON.stringify(body), { status, headers }));
}

/** No answer, until the request is aborted. */
export function silence() {
  return ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** The value of an expression about the page and its client. */
export function evaluate(expression, page) {
  const names = { page, ...page?.parts, json, silence };
  return new Function(...Object.keys(names), `return (${expression})`)(...Object.values(names));
}
