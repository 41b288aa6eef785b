// The service's own SDK: streams over its gRPC entry, calls over its HTTP entry.

/** The same face as the other subjects. */
export async function open({ address, token, load, entry }) {
  const module = await load(`@photon-ai/advanced-imessage/${entry}`);
  let attached = () => {};
  const im =
    entry === "http"
      ? module.createHttpClient({ address, token })
      : module.createGrpcClient({ address: new URL(address).host, tls: false, token, onHeartbeat: () => attached() });
  return {
    async live() {
      const stream = im.chats.subscribeEvents()[Symbol.asyncIterator]();
      // Its stream begins with the first pull, and a heartbeat is the one sign that it is attached.
      const heard = new Promise((resolve) => (attached = resolve));
      const first = stream.next();
      await heard;
      return { first, stream };
    },
    replay: (after) => im.events.catchUp(after),
    get: (chat) => im.chats.get(chat),
    markRead: (chat) => im.chats.markRead(chat),
    setBackground: (chat, image) => im.chats.setBackground(chat, image),
    count: () => im.chats.count(),
    close: () => im.close(),
  };
}
