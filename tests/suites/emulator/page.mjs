// A page, or a worker of one: runs what the test asks for.
import * as sdk from "/im-chats/index.js";
import * as messages from "/im-chats/messages.js";
import { createEmulator } from "/im-chats/emulator.js";

import { conformInPage } from "/suites/emulator/in-page.mjs";

const jobs = {
  conform: () => conformInPage(sdk, messages, createEmulator),
  /** Writes into a database that is kept, and says what is in it. */
  async kept({ persist, text }) {
    const emulator = await createEmulator({ persist });
    const im = messages.createClient({ address: emulator });
    if (text) {
      const { chat } = await emulator.world.receive({ from: "alice@example.com", text });
      // More bytes than one piece has.
      await im.messages.sendAttachment(chat, new Uint8Array(300_001).fill(7), { fileName: "sevens.bin" });
    }
    const events = [];
    for await (const event of im.events.catchUp()) events.push(event);
    const [chat] = await emulator.world.chats();
    const found = chat ? (await im.messages.list(chat.guid)).messages.map(({ content }) => content.text ?? content.attachments[0].totalBytes) : [];
    await im.close();
    await emulator.close();
    return { events: events.length, found };
  },
  async refused({ persist }) {
    const error = await createEmulator({ persist }).catch((error) => error);
    return [error instanceof sdk.IMessageError, error.code, error.message];
  },
  /** Two pages at once have one database. */
  async twice({ persist }) {
    const [one, other] = [await createEmulator({ persist }), await createEmulator({ persist })];
    await one.world.receive({ from: "alice@example.com", text: "first" });
    const error = await other.world.receive({ from: "bob@example.com", text: "second" }).catch((error) => error);
    const there = (await other.world.chats()).length;
    await one.close();
    await other.close();
    return [error.code, there];
  },
};

export const run = (name, input) => jobs[name](input);

// In a worker.
if (typeof document === "undefined") onmessage = async ({ data: [name, input] }) => postMessage(await run(name, input));
else globalThis.run = run;
