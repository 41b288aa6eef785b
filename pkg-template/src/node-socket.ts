import type { WebSocketConstructor } from "./socket.js";

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
  const slots = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  return SLOTS.map((slot) => slots[slot]).find((found) => found && !DIRECT.includes(found.constructor.name));
}

/** Node's own WebSocket, through `dispatcher`, with the `terminate` that it lacks: on a half-open link nothing else ends it. */
function through(dispatcher: Dispatcher, Own: typeof WebSocket): WebSocketConstructor {
  const Socket = Own as unknown as new (url: string, options: object) => WebSocket & { terminate?: () => void };
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
  } as unknown as WebSocketConstructor;
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
    return (await import("ws")).WebSocket as unknown as WebSocketConstructor;
  } catch (error) {
    // Bundled without it.
    if (WebSocket) return WebSocket;
    throw error;
  }
}
