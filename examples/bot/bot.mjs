// A bot that answers every message once, however often it or its server dies in between.
//
//   IM_CHATS_ADDRESS  where the gateway is, by default http://127.0.0.1:8787
//   IM_CHATS_TOKEN    its token
//   CURSOR_FILE       where the bot keeps its place in the log, by default cursor.txt

import { setTimeout as pause } from "node:timers/promises";

import { createClient, ErrorCode, fileCursor, IMessageError, NotFoundError, ValidationError } from "im-chats/messages";

const { IM_CHATS_ADDRESS: address = "http://127.0.0.1:8787", IM_CHATS_TOKEN: token, CURSOR_FILE: file = "cursor.txt" } = process.env;
if (!token) {
  console.error("Set IM_CHATS_TOKEN to the gateway's token.");
  process.exit(2);
}

const im = createClient({ address, token, retry: true });
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => im.close());
im.connection.on(({ failedAttempt, lastError }) => failedAttempt && console.error(`not connected: ${lastError?.message}`));

// The first start waits for new messages; each later start continues where the bot stopped, whatever stopped it.
const events = im.events.subscribe({ types: ["message.received"], cursor: fileCursor(file) });
events.ready.then(() => console.log("listening"), () => {});

for await (const event of events) {
  if (!event.isFromMe) await reply(event);
  // Only now, as the loop comes round, the message is handled: a crash before this line brings it again.
}

/** What the bot has to say. Yours asks a database, or a model. */
function answerTo({ content }) {
  return content.text ? `You wrote: ${content.text}` : "I can read only text.";
}

/** Sends the one reply to a message. Its key is made of the message's GUID: sent twice, it is still one. */
async function reply({ chatGuid, message }) {
  for (;;) {
    try {
      await im.messages.send(chatGuid, answerTo(message), { replyTo: message.guid, clientMessageId: `reply-${message.guid}` });
      return console.log(`answered ${message.guid}`);
    } catch (error) {
      // It was sent before a crash, in other words than today's.
      if (error instanceof IMessageError && error.code === ErrorCode.duplicateMessage) return;
      // No later try can succeed: the chat is gone, or nothing can be said to this message.
      if (error instanceof NotFoundError || error instanceof ValidationError) return console.error(`${message.guid} has no reply: ${error.message}`);
      // The bot ends with an unhandled message, and its next start tries again.
      if (!(error instanceof IMessageError && error.retryable)) throw error;
      await pause(error.retryAfter ?? 1_000);
    }
  }
}
