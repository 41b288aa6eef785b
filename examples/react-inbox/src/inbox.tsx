import type { Chat } from "im-chats";
import type { MessagesClient } from "im-chats/messages";
import { useChats, useConnection } from "im-chats/react";
import { useState } from "react";

import { Conversation } from "./conversation.js";
import { NewChat } from "./new-chat.js";
import { Problem } from "./problem.js";
import { nameOf, textOf, timeOf } from "./words.js";

/** The whole page: the chats on one side, the open one on the other. */
export function Inbox({ im }: { im: MessagesClient }) {
  const { status, error, chats, hasMore, loadMore, reload } = useChats();
  const [open, setOpen] = useState<string>();
  return (
    <main data-open={open !== undefined}>
      <nav aria-label="Chats">
        <header>
          <h1>Inbox</h1>
          <Connection />
        </header>
        <NewChat im={im} created={setOpen} />
        {status === "error" && <Problem error={error} again={reload} />}
        {status === "ready" && chats.length === 0 && <p className="empty">No chats yet. Write to somebody above.</p>}
        <ul>
          {chats.map((chat) => (
            <Row key={chat.guid} chat={chat} isOpen={chat.guid === open} onOpen={() => setOpen(chat.guid)} />
          ))}
        </ul>
        {hasMore && <button onClick={loadMore}>More chats</button>}
      </nav>
      {open === undefined ? (
        <section className="empty">Choose a chat.</section>
      ) : (
        <Conversation key={open} im={im} guid={open} onClose={() => setOpen(undefined)} />
      )}
    </main>
  );
}

function Row({ chat, isOpen, onOpen }: { chat: Chat; isOpen: boolean; onOpen: () => void }) {
  const { lastMessage, unreadCount = 0 } = chat;
  return (
    <li>
      <button className="row" aria-current={isOpen} onClick={onOpen}>
        <strong>{nameOf(chat)}</strong>
        <time>{lastMessage && timeOf(lastMessage.dateCreated)}</time>
        <span className="last">{lastMessage && `${lastMessage.isFromMe ? "You: " : ""}${textOf(lastMessage)}`}</span>
        {unreadCount > 0 && <span className="unread" aria-label={`${unreadCount} unread`}>{unreadCount}</span>}
      </button>
    </li>
  );
}

function Connection() {
  const { state, lastError } = useConnection();
  return (
    <span role="status" className={state} title={lastError?.message}>
      {state}
    </span>
  );
}
