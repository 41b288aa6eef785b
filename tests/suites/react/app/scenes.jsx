// The parts of the app: each scene is one way to use the hooks. What a test looks at beside the page is in `seen`.

import { Component, memo, StrictMode, Suspense, useEffect, useState } from "react";
import { ImChatsProvider, useChat, useChatEvents, useChats, useConnection, useInbox, useMessages } from "im-chats/react";

/** How often each row was rendered, and what handlers were given. */
export const seen = { rows: {}, events: [], fallbacks: 0, inboxes: new Set() };

const Row = memo(function Row({ chat }) {
  seen.rows[chat.guid] = (seen.rows[chat.guid] ?? 0) + 1;
  return (
    <li data-guid={chat.guid}>
      {chat.displayName || chat.guid} <b>{chat.unreadCount || ""}</b> <i>{chat.lastMessage?.content.text}</i>
    </li>
  );
});

function List({ archived, ...options }) {
  const { status, error, chats, hasMore, loadMore, reload } = useChats({ archived, ...options });
  const { state } = useConnection();
  seen.inboxes.add(useInbox());
  return (
    <section>
      <p id="status">{status}</p>
      <p id="error">{error?.message}</p>
      <p id="connection">{state}</p>
      <ul id={archived ? "archived" : "chats"}>{chats.map((chat) => <Row key={chat.guid} chat={chat} />)}</ul>
      {hasMore && <button onClick={loadMore}>More</button>}
      <button onClick={reload}>Again</button>
    </section>
  );
}

function Conversation({ guid }) {
  const { chat } = useChat(guid);
  const { messages, status } = useMessages(guid);
  return (
    <section>
      <h2>{chat?.displayName}</h2>
      <p id="messages-status">{status}</p>
      <ol id="messages">{messages.map((message) => <li key={message.guid}>{message.content.text}</li>)}</ol>
    </section>
  );
}

class Boundary extends Component {
  state = { error: undefined };
  static getDerivedStateFromError = (error) => ({ error });
  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <section>
        <p id="caught">{error.message}</p>
        <button onClick={() => this.setState({ error: undefined })}>Retry</button>
      </section>
    );
  }
}

function Fallback() {
  seen.fallbacks += 1;
  return <p id="fallback">one moment</p>;
}

/** A handler that is another one with every render. */
function Events() {
  const [count, setCount] = useState(0);
  useChatEvents((event) => {
    seen.events.push(`${count} ${event.type}`);
    setCount(count + 1);
  });
  return <p id="count">{count}</p>;
}

function OneChatsEvents({ guid }) {
  useChatEvents(guid, ({ type }) => seen.events.push(type));
  // By then nothing of what was shown before listens any more.
  useEffect(() => void (seen.isListening = true), []);
  return null;
}

/** Takes a while, as long as no event came. */
function Slow() {
  for (const end = performance.now() + 10; !seen.arrived && performance.now() < end; );
  return null;
}

/** Says when the first event came, and when the handler below could begin to listen. */
function Watch() {
  const inbox = useInbox();
  useEffect(() => inbox.onEvent(undefined, () => (seen.arrived ??= performance.now())), [inbox]);
  return null;
}

function Committed() {
  useEffect(() => void (seen.committed ??= performance.now()), []);
  return null;
}

/** Everything after the handler was rendered takes until an event came, or 4 seconds: after 5 React renders the rest at a stretch. */
function SlowEvents() {
  seen.isRendering = true;
  return [<Events key="events" />, ...Array.from({ length: 400 }, (_, key) => <Slow key={key} />), <Committed key="committed" />];
}

const SCENES = {
  list: () => <List />,
  archived: () => <List archived />,
  conversation: ({ guid }) => <Conversation guid={guid} />,
  both: ({ guid }) => [<List key="list" />, <Conversation key="conversation" guid={guid} />],
  suspense: () => (
    <Suspense fallback={<Fallback />}>
      <List suspense />
    </Suspense>
  ),
  errors: () => (
    <Boundary>
      <List throwErrors />
    </Boundary>
  ),
  events: () => <Events />,
  oneChatsEvents: ({ guid }) => <OneChatsEvents guid={guid} />,
  between: ({ isSlow }) => [<Watch key="watch" />, isSlow && <SlowEvents key="slow" />],
  nothing: () => null,
};

export function App({ client, scene, isStrict = true, ...props }) {
  const show = SCENES[scene];
  // The provider itself is below what waits, in one scene: what it made before must not be lost with it.
  const app =
    scene === "suspenseOutside" ? (
      <Suspense fallback={<Fallback />}>
        <ImChatsProvider client={client}>
          <List suspense />
        </ImChatsProvider>
      </Suspense>
    ) : (
      <ImChatsProvider client={client}>{show(props)}</ImChatsProvider>
    );
  return isStrict ? <StrictMode>{app}</StrictMode> : app;
}
