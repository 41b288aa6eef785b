import type { MessagesClient } from "im-chats/messages";
import { type FormEvent, useState } from "react";

import { Problem } from "./problem.js";

/** Writes into a chat. What was written comes back as an event, as everybody's messages do. */
export function Composer({ im, guid }: { im: MessagesClient; guid: string }) {
  const [text, setText] = useState("");
  // Made with the text and kept until it was sent: sending it again after an error is still one message.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<unknown>();

  const write = (next: string) => {
    setText(next);
    setKey(crypto.randomUUID());
  };
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setSending(true);
    setError(undefined);
    try {
      await im.messages.send(guid, text, { clientMessageId: key });
      write("");
    } catch (failure) {
      setError(failure);
    } finally {
      setSending(false);
    }
  };
  return (
    <form onSubmit={send}>
      {error !== undefined && <Problem error={error} />}
      <input aria-label="Message" placeholder="Message" value={text} readOnly={isSending} onChange={({ target }) => write(target.value)} />
      <button disabled={isSending || text.trim() === ""}>Send</button>
    </form>
  );
}
