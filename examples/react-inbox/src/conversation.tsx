import type { Message } from "im-chats";
import type { MessagesClient } from "im-chats/messages";
import { useChat, useMessages } from "im-chats/react";
import { useEffect, useRef } from "react";

import { Composer } from "./composer.js";
import { Problem } from "./problem.js";
import { nameOf, textOf, timeOf } from "./words.js";

/** One chat: what was said, live, and what one says next. */
export function Conversation({ im, guid, onClose }: { im: MessagesClient; guid: string; onClose: () => void }) {
  const { chat } = useChat(guid);
  const { status, error, messages, hasMore, loadMore, reload } = useMessages(guid);
  const unread = chat?.unreadCount ?? 0;
  // What is shown is read.
  useEffect(() => {
    if (unread > 0) im.chats.markRead(guid).catch(console.error);
  }, [im, guid, unread]);

  // A new message is scrolled to; older ones that are loaded are not.
  const newest = messages.at(-1)?.guid;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [newest]);

  return (
    <section aria-label="Conversation">
      <header>
        <button className="back" onClick={onClose} aria-label="Back to the chats">‹</button>
        <h2>{chat ? nameOf(chat) : guid}</h2>
      </header>
      {status === "error" && <Problem error={error} again={reload} />}
      <div ref={list} role="log" aria-label="Messages" tabIndex={0}>
        {hasMore && <button onClick={loadMore}>Older messages</button>}
        {status === "ready" && messages.length === 0 && <p className="empty">Nothing was said yet.</p>}
        <ol>
          {messages.map((message) => (
            <Bubble key={message.guid} message={message} isGroup={chat?.isGroup ?? false} />
          ))}
        </ol>
      </div>
      <Composer im={im} guid={guid} />
    </section>
  );
}

function Bubble({ message, isGroup }: { message: Message; isGroup: boolean }) {
  const { isFromMe, sender, dateCreated, dateEdited, dateRetracted } = message;
  return (
    <li className={isFromMe ? "mine" : "theirs"}>
      {isGroup && !isFromMe && <small>{sender?.address}</small>}
      <p>{dateRetracted ? <em>unsent</em> : textOf(message)}</p>
      <small>
        {timeOf(dateCreated)}
        {dateEdited && !dateRetracted && " · edited"}
      </small>
    </li>
  );
}
