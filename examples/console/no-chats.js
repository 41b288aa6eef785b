// Where there are no chats yet: what to do next.

import { showCode } from "./code.js";
import { $, make } from "./dom.js";
import { createChat, curl, world } from "./snippets.js";

const ALICE = "alice@example.com";

/** What the empty list says. */
export function noChats({ mode }) {
  const create = make("button", { type: "button", className: "primary small", onclick: () => $("new").click() }, "Create a chat");
  const code = make("button", { type: "button", className: "small", onclick: () => showCode(...programs(mode)) }, "Do it in code");
  const text =
    mode === "emulator"
      ? "No chats yet. Create one: any address will do, since nothing leaves this machine."
      : "No chats yet. A relay knows the chats that it has seen: create one, or wait for a message.";
  return [make("p", {}, text), make("div", { className: "row wrap" }, create, code)];
}

function programs(mode) {
  const created = createChat([ALICE], { message: "Hello!" });
  const inShell = curl("Create a chat, in a shell", "/v1/chats", { addresses: [ALICE], initialMessage: { text: "Hello!" } });
  if (mode !== "emulator") return [created, inShell];
  const chatGuid = `any;-;${ALICE}`;
  return [created, inShell, world("Receive a message", "messages:receive", { chatGuid, from: ALICE, text: "Hello!" })];
}
