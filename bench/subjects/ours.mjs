// im-chats: the packed package, by its public name.

/** The same face as the other subjects. */
export async function open({ address, token, load }) {
  const { createClient } = await load();
  const im = createClient({ address, token });
  return {
    async live() {
      const stream = im.chats.subscribeEvents();
      await stream.ready;
      return { stream };
    },
    replay: (after) => im.events.catchUp(after),
    get: (chat) => im.chats.get(chat),
    markRead: (chat) => im.chats.markRead(chat),
    setBackground: (chat, image) => im.chats.setBackground(chat, image),
    count: () => im.chats.count(),
    close: () => im.close(),
  };
}
