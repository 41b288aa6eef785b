import { im, userFor } from "../../../lib/im";

/** A token for the signed-in user's page: one chat, read-only, five minutes. The operator's token never leaves the server. */
export async function POST(request: Request): Promise<Response> {
  const { chat } = ((await request.json().catch(() => undefined)) ?? {}) as { chat?: unknown };
  if (typeof chat !== "string") return new Response("which chat?", { status: 400 });
  const user = await userFor(chat);
  if (user === undefined) return new Response("this chat is not yours", { status: 403 });
  const { token } = await im().tokens.create({ sub: user, scope: ["chats:read", "events:all", "messages:read"], chats: [chat], ttlSeconds: 300 });
  return new Response(token, { headers: { "cache-control": "no-store" } });
}
