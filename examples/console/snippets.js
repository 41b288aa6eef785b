// Each action of this page as a program: with the values that are on the page, and a token from the environment.

/** A value as TypeScript writes it. */
const value = (given) => JSON.stringify(given);

/** `{ a: "b" }` of what is given, or nothing. */
function options(given) {
  const fields = Object.entries(given).filter(([, held]) => held !== undefined && held !== "");
  return fields.length === 0 ? "" : `, { ${fields.map(([name, held]) => `${name}: ${value(held)}`).join(", ")} }`;
}

const RUN = "TypeScript and JavaScript. Where `im-chats` is installed, save it as `snippet.mjs` and run `IM_CHATS_TOKEN=… node snippet.mjs`.";
const RUN_WORLD = "TypeScript and JavaScript, without any package. Save it as `snippet.mjs` and run `IM_CHATS_TOKEN=… node snippet.mjs`.";

function program(label, lines, { imports = [], keepOpen = false } = {}) {
  const text = [
    'import { createClient } from "im-chats/messages";',
    ...imports,
    "",
    `const im = createClient({ address: ${value(location.origin)}, token: process.env.IM_CHATS_TOKEN });`,
    "",
    ...lines,
    ...(keepOpen ? [] : ["await im.close();"]),
    "",
  ];
  return { label, text: text.join("\n"), help: RUN };
}

const readFile = 'import { readFile } from "node:fs/promises";';

export const createChat = (addresses, { message, effect } = {}) =>
  program("Create a chat", [
    `const { chat } = await im.chats.create(${value(addresses)}${options({ message, effect: message && effect })});`,
    "console.log(chat.guid);",
  ]);

export const send = (chat, text, { replyTo, effect } = {}) =>
  program(replyTo ? "Reply" : "Send", [
    `const message = await im.messages.send(${value(chat)}, ${value(text)}${options({ replyTo, effect })});`,
    "console.log(message.guid);",
  ]);

export const sendFile = (chat, fileName, { replyTo } = {}) =>
  program(
    "Send a file",
    [
      `const file = await readFile(${value(fileName)});`,
      `const message = await im.messages.sendAttachment(${value(chat)}, file${options({ fileName, replyTo })});`,
      "console.log(message.guid);",
    ],
    { imports: [readFile] },
  );

export const edit = (chat, message, text) =>
  program("Edit", [
    `const edited = await im.messages.edit(${value(chat)}, ${value(message)}, ${value(text)});`,
    "console.log(edited.dateEdited);",
  ]);

export const unsend = (chat, message) => program("Unsend", [`await im.messages.unsend(${value(chat)}, ${value(message)});`]);

export const react = (chat, message, reaction, remove) =>
  program(remove ? "Take the reaction back" : "React", [
    `await im.messages.react(${value(chat)}, ${value(message)}, ${value(reaction)}${remove ? ", { remove: true }" : ""});`,
  ]);

export const getMessage = (message) =>
  program("Get the message", [`const message = await im.messages.get(${value(message)});`, "console.log(message);"]);

export const listMessages = (chat) =>
  program("List the messages", [
    `const { messages } = await im.messages.list(${value(chat)}, { pageSize: 100 });`,
    "for (const { dateCreated, isFromMe, sender, content } of messages) {",
    '  console.log(dateCreated, isFromMe ? "me" : sender?.address, content.text);',
    "}",
  ]);

export const getChat = (chat) => program("Get the chat", [`console.log(await im.chats.get(${value(chat)}));`]);

/** Follows events until it is stopped. `given` has `chats` or `types`. */
export const follow = (given, label = "Follow the events") =>
  program(
    label,
    [
      `for await (const event of im.events.subscribe(${options(given).slice(2)})) {`,
      "  console.log(event.sequence, event.chatGuid, event.type);",
      "}",
    ],
    { keepOpen: true },
  );

/** One call of `im.chats` or `im.groups` that answers nothing to print. */
export const call = (label, method, ...given) => program(label, [`await im.${method}(${given.map(value).join(", ")});`]);

export const setBackground = (chat, fileName) =>
  program("Set the background", [`await im.chats.setBackground(${value(chat)}, await readFile(${value(fileName)}));`], {
    imports: [readFile],
  });

/** One act of the emulator's control plane. */
export function world(label, path, body) {
  const text = [
    `const answer = await fetch(${value(`${location.origin}/emulator/v1/${path}`)}, {`,
    '  method: "POST",',
    '  headers: { authorization: `Bearer ${process.env.IM_CHATS_TOKEN}`, "content-type": "application/json" },',
    `  body: JSON.stringify(${value(body)}),`,
    "});",
    "console.log(answer.status, await answer.json());",
    "export {};",
    "",
  ];
  return { label, text: text.join("\n"), help: RUN_WORLD };
}

/** The same as a line for a shell. */
export function curl(label, path, body) {
  const quoted = value(body).replaceAll("'", "'\\''");
  const text = [
    `curl ${value(`${location.origin}${path}`)} \\`,
    '  -H "authorization: Bearer $IM_CHATS_TOKEN" -H "content-type: application/json" \\',
    `  -d '${quoted}'`,
    "",
  ];
  return { label, text: text.join("\n"), help: "Paste it into a shell that has the token in `IM_CHATS_TOKEN`." };
}
