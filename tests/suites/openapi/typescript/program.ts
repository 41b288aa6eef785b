// Every operation of both kinds of gateway, through a client whose types openapi-typescript made.
import createClient from "openapi-fetch";

import { control } from "./control.js";
import type { paths } from "./schema.js";

const [address, token] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: address, headers: { authorization: `Bearer ${token}` } });
const called: string[] = [];
client.use({
  onRequest({ request, schemaPath }) {
    called.push(`${request.method.toLowerCase()} ${schemaPath}`);
  },
});

/** What a call gave; one that failed ends the program. */
export async function data<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined) throw new Error(`${response.url} answered with ${response.status}: ${JSON.stringify(error)}`);
  return data;
}

const { chat } = await data(client.POST("/v1/chats", { body: { addresses: ["alice@example.com"], initialMessage: { text: "hello" } } }));
const chatGuid: string = chat.guid;
const body = { chatGuid };
const query = { chatGuid };
// The message has brought it out of the archive.
const listed = await data(client.GET("/v1/chats", { params: { query: { archived: false, pageSize: 100 } } }));
if (!listed.chats?.some(({ guid }) => guid === chatGuid)) throw new Error("the chat is not listed");
await data(client.POST("/v1/chats:markRead", { body, params: { header: { "x-idempotency-key": "once" } } }));
await data(client.POST("/v1/chats:setTyping", { body: { chatGuid, isTyping: true } }));
await data(client.POST("/v1/chats:shareContactInfo", { body }));
await data(client.POST("/v1/chats:setBackground", { body: { chatGuid, data: "iVBORw0KGgo=" } }));
const { backgroundPresent } = await data(client.GET("/v1/chats:hasBackground", { params: { query } }));
if (backgroundPresent !== true) throw new Error("there is no background");
await control(client as never, data as never, chatGuid);
await data(client.POST("/v1/chats:removeBackground", { body }));
const found = await data(client.GET("/v1/chats:get", { params: { query } }));
if (found.chat.participants?.[0]?.address !== "alice@example.com") throw new Error("another chat");
const { count } = await data(client.GET("/v1/chats:count", { params: { query: { includeArchived: true } } }));
if (!(Number(count) >= 1)) throw new Error("no chat is counted");
const user = await data(client.POST("/v1/tokens", { body: { sub: "user-1", scope: "chats:read", chats: [chatGuid], ttlSeconds: 60 } }));
if (user.token.split(".").length !== 3 || !(Date.parse(user.expiresAt) > Date.now())) throw new Error("no token");
await client.GET("/healthz", { parseAs: "text" });

// And what it says when something is wrong.
const { error } = await client.GET("/v1/chats:get", { params: { query: { chatGuid: "any;-;nobody@example.com" } } });
if (error?.errorCode !== "chatNotFound") throw new Error(`the failure is ${JSON.stringify(error)}`);

console.log(JSON.stringify([...new Set(called)].sort()));
