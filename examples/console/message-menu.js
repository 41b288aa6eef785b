// What one can do with a message.

import { showCode } from "./code.js";
import { copyText, say } from "./dom.js";
import { attempt } from "./errors.js";
import { messageText, reactionMark, TAPBACKS } from "./names.js";
import { edit, getMessage, react, send, unsend } from "./snippets.js";

/** More marks to choose from than the tapbacks. */
const EMOJI = ["🎉", "🔥"];

/** The items of a message's menu. */
export function menuOf(session, chat, message) {
  const { composer } = session;
  const text = messageText(message);
  const canEdit = message.isFromMe && !message.dateRetracted && message.content.text;
  return [
    ...(message.dateRetracted ? [] : marks(session, chat, message)),
    !message.dateRetracted && { label: "Reply", act: () => composer.reply(message) },
    canEdit && { label: "Edit", act: () => composer.edit(message) },
    message.isFromMe && !message.dateRetracted && { label: "Unsend", act: () => takeBack(session, chat, message) },
    text && { label: "Copy text", act: () => copyText(text, "The text is") },
    { label: "Copy GUID", act: () => copyText(message.guid, "The GUID is") },
    { label: "As code", act: () => showCode(...programs(chat, message)) },
  ].filter(Boolean);
}

function marks(session, chat, message) {
  const mine = (message.appliedReactions ?? []).filter(({ isFromMe }) => isFromMe).map(({ reaction }) => reaction);
  const all = [...TAPBACKS.map((kind) => ({ kind })), ...EMOJI.map((emoji) => ({ kind: "emoji", emoji }))];
  return all.map((reaction) => {
    const checked = mine.some((held) => held.kind === reaction.kind && held.emoji === reaction.emoji);
    const label = reaction.emoji ? `React with ${reaction.emoji}` : reaction.kind;
    return { label, text: reactionMark(reaction), checked, act: () => put(session, chat, message, reaction, checked) };
  });
}

async function put(session, chat, message, reaction, remove) {
  if (!(await session.warning.ask("The reaction is seen by the people in this chat"))) return;
  const done = await attempt("Reacting", () => session.im.messages.react(chat, message.guid, reaction, remove ? { remove } : {}));
  if (done) say(remove ? "Reaction taken back." : "Reaction added.");
}

async function takeBack(session, chat, message) {
  if (!(await session.warning.ask("The message disappears for the people in this chat"))) return;
  if (await attempt("Unsending", () => session.im.messages.unsend(chat, message.guid))) say("Message unsent.");
}

function programs(chat, message) {
  const [held] = (message.appliedReactions ?? []).filter(({ isFromMe }) => isFromMe);
  return [
    send(chat, "Hello!", { replyTo: message.guid }),
    react(chat, message.guid, "love"),
    held && react(chat, message.guid, held.reaction, true),
    message.isFromMe && edit(chat, message.guid, message.content.text ?? ""),
    message.isFromMe && unsend(chat, message.guid),
    getMessage(message.guid),
  ].filter(Boolean);
}
