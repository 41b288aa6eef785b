// A Cloudflare worker: a small JSON API over one account, for your own services.
//
//   POST /chats                 { "addresses": [...], "message"? }    a chat, made or found
//   GET  /chats                                                       the 20 that were active last
//   POST /chats/GUID/messages   { "text": "..." }                     a message; with Idempotency-Key it is sent once
//   GET  /chats/GUID/messages                                         its newest messages

import {
  AuthenticationError,
  type Chat,
  ConnectionError,
  createClient,
  IMessageError,
  type MessagesClient,
  NotFoundError,
  RateLimitError,
  ValidationError,
} from "im-chats/messages";

export interface Env {
  /** Where the gateway is. */
  readonly IM_CHATS_ADDRESS: string;
  /** The gateway's token: a secret. It stays in the worker. */
  readonly IM_CHATS_TOKEN: string;
  /** What callers of this worker show as `authorization: Bearer …`: a secret. */
  readonly API_KEY: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (!(await isAllowed(request, env))) return Response.json({ code: "unauthenticated", message: "API_KEY is wanted" }, { status: 401 });
    // What is opened in one request ends with it, so each has a client of its own.
    const im = createClient({ address: env.IM_CHATS_ADDRESS, token: env.IM_CHATS_TOKEN, retry: true });
    try {
      return await answer(request, im);
    } catch (error) {
      return refusal(error);
    } finally {
      await im.close();
    }
  },
};

async function answer(request: Request, im: MessagesClient): Promise<Response> {
  const [, first, guid, last, ...more] = new URL(request.url).pathname.split("/").map(decodeURIComponent);
  const route = more.length > 0 || first !== "chats" ? "" : `${request.method} ${guid === undefined ? "chats" : last}`;
  switch (route) {
    case "POST chats": {
      // The client checks what it is given, and says which argument is wrong.
      const { addresses, message } = await body(request);
      const { chat } = await im.chats.create(addresses as string[], message === undefined ? {} : { message: message as string });
      return Response.json(chat);
    }
    case "GET chats": {
      const chats: Chat[] = [];
      for await (const chat of im.chats.list({ pageSize: 20 })) if (chats.push(chat) === 20) break;
      return Response.json(chats);
    }
    case "POST messages": {
      const { text } = await body(request);
      const key = request.headers.get("idempotency-key");
      return Response.json(await im.messages.send(guid!, text as string, key === null ? {} : { clientMessageId: key }));
    }
    case "GET messages": {
      const { messages } = await im.messages.list(guid!);
      return Response.json(messages);
    }
    default:
      return Response.json({ code: "operationNotSupported", message: "there is no such route" }, { status: 404 });
  }
}

async function body(request: Request): Promise<Record<string, unknown>> {
  const value: unknown = await request.json().catch(() => undefined);
  if (typeof value !== "object" || value === null) throw new SyntaxError("the body is no JSON object");
  return value as Record<string, unknown>;
}

/** Compared as digests, so that the time tells nothing of the key. */
async function isAllowed(request: Request, { API_KEY }: Env): Promise<boolean> {
  const digest = async (text: string) => `${new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))}`;
  const shown = request.headers.get("authorization") ?? "";
  return Boolean(API_KEY) && (await digest(shown)) === (await digest(`Bearer ${API_KEY}`));
}

/** What went wrong, for the caller. */
function refusal(error: unknown): Response {
  if (error instanceof SyntaxError || error instanceof URIError) return Response.json({ code: "invalidArgument", message: error.message }, { status: 400 });
  if (!(error instanceof IMessageError)) throw error;
  const { code, message, context, retryAfter } = error;
  const headers = retryAfter === undefined ? {} : { "retry-after": `${Math.ceil(retryAfter / 1_000)}` };
  return Response.json({ code, message, field: context["field"] }, { status: statusOf(error), headers });
}

function statusOf(error: IMessageError): number {
  if (error instanceof ValidationError) return 400;
  if (error instanceof NotFoundError) return 404;
  if (error instanceof RateLimitError) return 429;
  if (error instanceof ConnectionError) return 503;
  // The worker's own token is wrong, which no caller can help.
  if (error instanceof AuthenticationError) return 502;
  return error.code === "duplicateMessage" ? 409 : 500;
}
