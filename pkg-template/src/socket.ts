import { answerFields, networkReason, probe, type Reason } from "./probe.js";

/** @internal */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocket;

/** What is known of a socket that closed; `src/refusal.rs` reads it. @internal */
export interface Closing extends Reason {
  readonly code: number;
}

/** An open socket, as the wasm side uses it. @internal */
export interface OpenSocket {
  send(frame: object): void;
  close(code: number): void;
}

/** What `ws` has beyond the standard, as far as it is used here. */
interface NodeSocket {
  on?(event: "unexpected-response", listener: (request: unknown, response: NodeResponse) => void): void;
  terminate?(): void;
}

interface NodeResponse extends AsyncIterable<string> {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  setEncoding(encoding: "utf8"): void;
  destroy(): void;
}

/** How long a socket that we closed may take to say goodbye, where the runtime lets us end it. */
const CLOSE_GRACE_MS = 1_000;

/** How much of the answer to a refused upgrade is read, in characters and milliseconds. */
const ANSWER_LENGTH = 16_384;
const ANSWER_MS = 2_000;

/** Opens a WebSocket that reports: 0 that it is open, 1 a frame, 2 that it closed and, as far as it can be found out, why. @internal */
export function openSocket(
  Socket: WebSocketConstructor,
  url: string,
  protocol: string,
  report: (kind: 0 | 1 | 2, value?: unknown) => void,
): OpenSocket {
  const socket: WebSocket & NodeSocket = new Socket(url, protocol);
  let opened = false;
  let reason: Reason | undefined;
  socket.onopen = () => {
    opened = true;
    report(0);
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    let frame: unknown;
    try {
      frame = typeof data === "string" ? JSON.parse(data) : undefined;
    } catch {
      // Undefined is reported as a frame that is not what the protocol says.
    }
    report(1, frame);
  };
  // Never removed: `ws` throws an error that has no listener, also after we closed the socket.
  socket.onerror = (event) => {
    reason ??= describe(event as Partial<ErrorEvent>);
  };
  socket.onclose = ({ code, reason: text }) => {
    const closed = (found?: Reason): void => {
      const closing: Closing = { code, ...found };
      report(2, closing);
    };
    if (reason || opened) closed(reason ?? (text ? { message: text } : undefined));
    else void probe(url).then(closed);
  };
  // Without this listener `ws` tells only the status.
  socket.on?.("unexpected-response", (_, response) => {
    void readAnswer(response).then((answer) => {
      reason ??= answer;
      socket.terminate?.();
    });
  });
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    close: (code) => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
      // `ws` waits half a minute for the other side's close. On a half-open link it never comes, and Node would not end.
      if (!socket.terminate) return;
      const timer: unknown = setTimeout(() => socket.terminate?.(), CLOSE_GRACE_MS);
      (timer as { unref?: () => void }).unref?.();
    },
  };
}

/** What an error event tells; nothing in browsers, by design. */
function describe({ error, message }: Partial<ErrorEvent>): Reason | undefined {
  const text = networkReason(error) || message;
  // Some runtimes say of every upgrade that was refused only that it was not answered with 101.
  return text && !/\b101\b/.test(text) ? { message: text, cause: error } : undefined;
}

/** What was answered instead of the upgrade. */
async function readAnswer(response: NodeResponse): Promise<Reason> {
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
  return { ...answerFields(response.statusCode, (name) => response.headers[name]), body };
}
