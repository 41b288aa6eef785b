// One message as it is shown: who, what, when, and what became of it.

import { dayName, full, short, time, timeElement } from "./dates.js";
import { icon, make, unseen } from "./dom.js";
import { bytes, messageText, reactionMark } from "./names.js";

const SENDING = new Map([
  [true, "Delivered"],
  [false, "Sent"],
]);

/** The element of an item of a conversation: a day's heading, or a message with a button for its menu. */
export function makeItem(item) {
  if (item.day) return make("li", { className: "day" }, dayName(item.day));
  const button = make("button", { type: "button", className: "icon quiet more-of", tabIndex: -1 }, icon("more"));
  button.setAttribute("aria-haspopup", "menu");
  const row = make("li", {}, make("div", { className: "parts" }), button);
  row.dataset.guid = item.message.guid;
  return row;
}

/** Fills it. What an item needs beside its message is in it, so that nothing else decides when it is drawn again. */
export function fillItem(row, item) {
  if (item.day) {
    row.textContent = dayName(item.day);
    return;
  }
  const { message, named, isLast, quoted } = item;
  const [parts, button] = row.children;
  row.className = `message${message.isFromMe ? " mine" : ""}${message.dateRetracted ? " gone" : ""}`;
  const who = message.isFromMe ? "You" : (message.sender?.address ?? "Somebody");
  const text = messageText(message) ?? "A message without text";
  button.setAttribute("aria-label", `Actions for the message of ${who}: ${text.slice(0, 60)}`);
  parts.replaceChildren(
    ...[
      named ? make("p", { className: "sender" }, who) : unseen(`${who}: `),
      quoted !== undefined && make("p", { className: "quoted" }, unseen("In reply to: "), quoted),
      bubble(message, text),
      reactions(message),
      meta(message, isLast),
    ].filter(Boolean),
  );
}

/** Whether an item may stay as it is drawn. */
export const sameItem = (one, other) =>
  one.message === other.message &&
  one.day === other.day &&
  one.named === other.named &&
  one.isLast === other.isLast &&
  one.quoted === other.quoted;

function bubble(message, text) {
  const { attachments = [] } = message.content ?? {};
  const files = attachments.map((file) => make("span", { className: "file" }, file.fileName, ` · ${bytes(file.totalBytes)}`));
  const words = message.content?.text?.replaceAll("\uFFFC", "").trim();
  const body = message.dateRetracted || files.length === 0 ? text : words;
  const subject = !message.dateRetracted && message.subject;
  const isPoll = message.content?.balloonBundleId?.endsWith(".Polls");
  return make("div", { className: "bubble" }, isPoll && make("span", { className: "kind" }, "Poll"), subject && make("strong", {}, subject), ...(message.dateRetracted ? [] : files), body && make("span", { className: "text" }, body));
}

function reactions(message) {
  const marks = new Map();
  for (const { reaction, isFromMe, sender } of message.appliedReactions ?? []) {
    const mark = reactionMark(reaction);
    marks.set(mark, [...(marks.get(mark) ?? []), isFromMe ? "you" : (sender?.address ?? "somebody")]);
  }
  if (marks.size === 0) return undefined;
  const chips = [...marks].map(([mark, people]) => {
    const many = people.length > 1 ? ` ${people.length}` : "";
    return make("span", { title: people.join(", ") }, `${mark}${many}`, unseen(` by ${people.join(", ")} `));
  });
  return make("p", { className: "reactions" }, ...chips);
}

function meta(message, isLast) {
  const states = [];
  if (message.dateEdited) states.push(make("span", { title: full(message.dateEdited) }, "edited"));
  if (message.content?.expressiveSendStyleId) states.push(make("span", {}, `with ${message.content.expressiveSendStyleId.replace(/.*[.K]/, "").replace(/Effect$/, "").toLowerCase()}`));
  if (message.sendErrorCode) states.push(make("span", { className: "bad" }, `not sent (${message.sendErrorCode})`));
  else if (message.isFromMe && isLast && !message.dateRetracted) states.push(sending(message));
  return make("p", { className: "meta" }, timeElement(message.dateCreated, time(message.dateCreated)), ...states.filter(Boolean));
}

function sending(message) {
  if (message.dateRead) return make("span", { title: full(message.dateRead) }, `Read ${short(message.dateRead)}`);
  const delivered = message.isDelivered ?? (message.dateDelivered !== undefined || undefined);
  return delivered === undefined ? undefined : make("span", {}, SENDING.get(delivered));
}
