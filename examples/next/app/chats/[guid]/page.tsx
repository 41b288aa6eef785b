import { type Chat, type Message, NotFoundError } from "im-chats/messages";
import { randomUUID } from "node:crypto";
import Link from "next/link";
import { notFound } from "next/navigation";

import { address, im, userFor } from "../../../lib/im";
import { nameOf } from "../../../lib/words";
import { send } from "../../actions";
import { Form } from "../../form";
import { Live } from "./live";

/** One chat: its newest messages are in the HTML already, and from then on the page is live. */
export default async function Page({ params }: { params: Promise<{ guid: string }> }) {
  const guid = decodeURIComponent((await params).guid);
  if ((await userFor(guid)) === undefined) notFound();
  const { chat, messages } = await read(guid);
  return (
    <main>
      <Link href="/">‹ Chats</Link>
      <h1>{nameOf(chat)}</h1>
      <Live guid={guid} address={address} initial={messages} />
      <Form label="Message" button="Send" action={send.bind(null, guid)} start={{ key: randomUUID() }} />
    </main>
  );
}

async function read(guid: string): Promise<{ chat: Chat; messages: Message[] }> {
  try {
    const [chat, { messages }] = await Promise.all([im().chats.get(guid), im().messages.list(guid)]);
    return { chat, messages: messages.reverse() };
  } catch (error) {
    if (error instanceof NotFoundError) notFound();
    throw error;
  }
}
