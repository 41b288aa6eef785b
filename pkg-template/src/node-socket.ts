import type { WebSocketConstructor } from "./host.js";

/** What Node's `fetch` and WebSocket send through, as far as it matters here. */
interface Dispatcher {
  dispatch(options: object, handler: object): boolean;
}

/** Where undici – in Node, or from npm – keeps what every `fetch` goes through. Its older versions know only the first. */
const SLOTS = ["undici.globalDispatcher.1", "undici.globalDispatcher.2"].map(Symbol.for);

/** What is there when nobody asked for anything else, and how newer versions show theirs to older ones. */
const DIRECT = ["Agent", "Dispatcher1Wrapper"];

/** What `fetch` goes through when that is not straight to the server: `NODE_USE_ENV_PROXY`, `--use-env-proxy`, `setGlobalDispatcher`. */
function detour(): Dispatcher | undefined {
  const slots = globalThis as { readonly [slot: symbol]: Dispatcher | undefined };
  return SLOTS.map((slot) => slots[slot]).find((found) => found && !DIRECT.includes(found.constructor.name));
}

/** Node's own WebSocket, through `dispatcher`, with the `terminate` that it lacks: on a half-open link nothing else ends it. */
function through(dispatcher: Dispatcher, Own: typeof WebSocket): WebSocketConstructor {
  const Socket = Own as new (url: string, options: object) => WebSocket & { terminate?: () => void };
  return class {
    constructor(url: string, protocol: string) {
      let wire: { destroy(): void } | undefined;
      const dispatch = (options: object, handler: Record<string, unknown>) => {
        const watched = ["onUpgrade", "onRequestUpgrade"].filter((name) => typeof handler[name] === "function");
        const keeping = watched.map((name) => [
          name,
          {
            value(this: unknown, ...given: unknown[]) {
              wire = given.at(-1) as typeof wire;
              return (handler[name] as (...given: unknown[]) => unknown).apply(this, given);
            },
          },
        ]);
        return dispatcher.dispatch(options, Object.create(handler, Object.fromEntries(keeping) as PropertyDescriptorMap) as object);
      };
      const socket = new Socket(url, { protocols: protocol, dispatcher: { dispatch } });
      socket.terminate = () => wire?.destroy();
      return socket;
    }
  } as WebSocketConstructor;
}

/** An answer to an upgrade that is none, as `src/socket.rs` reads it. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

/** How Node shows such an answer. */
interface NodeResponse extends AsyncIterable<string> {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  setEncoding(encoding: "utf8"): void;
  destroy(): void;
}

/** How much of it is read, in characters and milliseconds. */
const ANSWER_LENGTH = 16_384;
const ANSWER_MS = 2_000;

async function readAnswer(response: NodeResponse): Promise<Answer> {
  const timer = setTimeout(() => response.destroy(), ANSWER_MS);
  let text = "";
  let body: unknown;
  try {
    response.setEncoding("utf8");
    for await (const chunk of response) {
      text += chunk;
      if (text.length > ANSWER_LENGTH) break;
    }
    body = JSON.parse(text);
  } catch {
    // The status is enough.
  }
  clearTimeout(timer);
  return { status: response.statusCode, headers: response.headers, body };
}

/** What of `ws` is used here. */
interface Ws {
  on(event: "unexpected-response", listener: (request: unknown, response: NodeResponse) => void): void;
  terminate(): void;
}

/** The class of `ws`, whose sockets keep what was answered instead of the upgrade: without a listener they tell only the status. */
function withAnswers(Socket: new (url: string, protocol: string) => Ws): WebSocketConstructor {
  return class extends Socket {
    answer: Answer | undefined;

    constructor(url: string, protocol: string) {
      super(url, protocol);
      this.on("unexpected-response", (_, response) => {
        void readAnswer(response).then((answer) => {
          this.answer = answer;
          this.terminate();
        });
      });
    }
  };
}

/**
 * Bun and Deno have their own. Node uses `ws`: its own, from version 22 on, takes more time for the same frames. But only its own
 * takes the way of `fetch`, through a tunnel of the proxy.
 *
 * @internal
 */
export async function nodeWebSocket(): Promise<WebSocketConstructor> {
  const { WebSocket } = globalThis;
  const { bun, deno } = globalThis.process?.versions ?? {};
  if (WebSocket && (bun || deno)) return WebSocket;
  const dispatcher = detour();
  if (WebSocket && dispatcher) return through(dispatcher, WebSocket);
  try {
    return withAnswers((await import("ws")).WebSocket);
  } catch (error) {
    // Bundled without it.
    if (WebSocket) return WebSocket;
    throw error;
  }
}
