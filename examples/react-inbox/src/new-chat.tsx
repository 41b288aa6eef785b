import type { MessagesClient } from "im-chats/messages";
import { type FormEvent, useState } from "react";

import { Problem } from "./problem.js";

/** Opens the chat with an address, or begins one. */
export function NewChat({ im, created }: { im: MessagesClient; created: (guid: string) => void }) {
  const [error, setError] = useState<unknown>();
  const create = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    setError(undefined);
    try {
      const { chat } = await im.chats.create([String(new FormData(form).get("address"))]);
      form.reset();
      created(chat.guid);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <form onSubmit={create}>
      {error !== undefined && <Problem error={error} />}
      <input name="address" aria-label="To" placeholder="alice@example.com" required />
      <button>Write</button>
    </form>
  );
}
