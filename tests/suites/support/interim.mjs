import { TypedEventStream } from "im-chats";
export const interim = (im, gateway) => {
  if (im.events.subscribe) return im;
  const subscribe = ({ after } = {}) => {
    let isReady; let stop = false; let cursor = after;
    const ready = new Promise((resolve) => (isReady = resolve));
    const stream = new TypedEventStream((async function* () {
      if (cursor === undefined) { const s = im.events.catchUp(); for await (const e of s) if (e.type === "catchup.complete") cursor = e.headSequence; }
      isReady();
      while (!stop) {
        for await (const e of im.events.catchUp(cursor)) { if (e.type !== "catchup.complete") { cursor = e.sequence; yield e; } }
        await new Promise((r) => setTimeout(r, 5));
      }
    })(), () => { stop = true; });
    Object.defineProperty(stream, "ready", { value: ready });
    Object.defineProperty(stream, "cursor", { get: () => cursor });
    return stream;
  };
  const list = async function* ({ archived = false } = {}) {
    const [, { chats }] = await gateway.call("GET", "/emulator/v1/chats?limit=1000");
    const key = ({ lastMessage }) => Date.parse(lastMessage?.dateCreated ?? 0);
    yield* (await Promise.all(chats.map(({ chat }) => im.chats.get(chat.guid)))).filter((c) => c.isArchived === archived).sort((a, b) => key(b) - key(a) || (a.guid < b.guid ? 1 : -1));
  };
  return { ...im, close: im.close, messages: im.messages, groups: im.groups, connection: im.connection, chats: { ...im.chats, list }, events: { ...im.events, subscribe } };
};
