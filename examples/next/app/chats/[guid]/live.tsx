"use client";

import { createClient, type Message } from "im-chats/messages";
import { ImChatsProvider, useConnection, useMessages } from "im-chats/react";
import { useState } from "react";

/** The messages of a chat, live, by a token that is good for this chat and for reading. */
export function Live({ guid, address, initial }: { guid: string; address: string; initial: readonly Message[] }) {
  const [im] = useState(() => createClient({ address, token: () => fetchToken(guid), retry: true }));
  return (
    <ImChatsProvider client={im}>
      <Messages guid={guid} initial={initial} />
    </ImChatsProvider>
  );
}

/** A fresh token. The client asks for one before the one that it has ends. */
async function fetchToken(chat: string): Promise<string> {
  const response = await fetch("/api/token", { method: "POST", body: JSON.stringify({ chat }) });
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  return response.text();
}

function Messages({ guid, initial }: { guid: string; initial: readonly Message[] }) {
  const { state } = useConnection();
  const { status, error, messages, hasMore, loadMore, reload } = useMessages(guid);
  // Until the page has read them itself, what the server read is shown.
  const shown = messages.length > 0 ? messages : initial;
  return (
    <>
      <p role="status">{state}</p>
      {status === "error" && <p role="alert">{error?.message} <button onClick={reload}>Try again</button></p>}
      {hasMore && <button onClick={loadMore}>Older messages</button>}
      <ol aria-label="Messages">
        {shown.map(({ guid, isFromMe, content, dateRetracted }) => (
          <li key={guid} className={isFromMe ? "mine" : "theirs"}>
            {dateRetracted ? <em>unsent</em> : (content.text ?? "a message without text")}
          </li>
        ))}
      </ol>
    </>
  );
}
