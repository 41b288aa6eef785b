/** What every app does once its bundle runs: it creates a chat, sends a text where it can, and sees a live event of it. */
export async function story(createClient, { address, token, ...options }) {
  const im = createClient({ address, token, ...options });
  const { chat } = await im.chats.create(["alice@example.com"]);
  await im.messages?.send(chat.guid, "Hello!");
  const stream = im.chats.subscribeEvents({ chat: chat.guid });
  await stream.ready;
  // The signature of a PNG, by which the emulator knows one.
  await im.chats.setBackground(chat.guid, Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a));
  let seen;
  for await (const event of stream) {
    seen = event.type;
    break;
  }
  await im.close();
  return `${chat.guid} ${seen}`;
}

/** Runs it in a page, whose address says where the service is, and shows the outcome. */
export async function inPage(createClient, options = {}) {
  const service = Object.fromEntries(new URLSearchParams(location.search));
  document.body.dataset.outcome = await story(createClient, { ...service, ...options }).catch((error) => `failed: ${error.stack}`);
}
