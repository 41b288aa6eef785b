import "server-only";

import { createClient, type MessagesClient } from "im-chats/messages";

/** Where the gateway is, for the server and for pages. */
export const address = process.env.IM_CHATS_ADDRESS ?? "http://127.0.0.1:8787";

let client: MessagesClient | undefined;

/** The server's client, with the operator's token. Made by the first request: a build has no token. */
export const im = (): MessagesClient => (client ??= createClient({ address, token: process.env.IM_CHATS_TOKEN, retry: true }));

/**
 * Who asks, and whether they may see a chat. Here everybody is the one user, who may see all of them: yours reads the session, and asks its
 * database.
 */
export async function userFor(chat: string): Promise<string | undefined> {
  return chat === "" ? undefined : "demo";
}
