import type { Chat } from "im-chats";
import Link from "next/link";
import { connection } from "next/server";

import { im } from "../lib/im";
import { nameOf } from "../lib/words";
import { open } from "./actions";
import { Form } from "./form";

/** The chats that were active last, read on the server. */
export default async function Page() {
  await connection();
  const chats: Chat[] = [];
  for await (const chat of im().chats.list({ pageSize: 20 })) if (chats.push(chat) === 20) break;
  return (
    <main>
      <h1>Chats</h1>
      <Form label="To: an address" button="Open" action={open} start={{ key: "" }} />
      {chats.length === 0 && <p>No chats yet.</p>}
      <ul>
        {chats.map((chat) => (
          <li key={chat.guid}>
            <Link href={`/chats/${encodeURIComponent(chat.guid)}`}>{nameOf(chat)}</Link> {chat.lastMessage?.content.text}
          </li>
        ))}
      </ul>
    </main>
  );
}
