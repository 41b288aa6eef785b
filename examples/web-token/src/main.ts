// The page: signs in, and shows the chats of that user, live. It never sees the operator's token.

import { AuthenticationError, createClient, type Client } from "im-chats";

/** What the back end tells of its user. */
interface Me {
  readonly name: string;
  readonly chats: readonly string[];
  readonly gateway: string;
}

function element<E extends HTMLElement>(selector: string, type: new () => E): E {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`there is no ${selector}`);
  return found;
}

const signIn = element("#sign-in", HTMLFormElement);
const main = element("main", HTMLElement);
const chats = element("#chats", HTMLUListElement);
const events = element("#events", HTMLUListElement);
const open = element("#open", HTMLFormElement);
const opened = element("#opened", HTMLElement);
const problem = element("#problem", HTMLElement);
const again = element("#again", HTMLButtonElement);

function add(list: HTMLUListElement, text: string): void {
  const item = document.createElement("li");
  item.textContent = text;
  list.append(item);
}

function tell(error: unknown): void {
  problem.textContent = error instanceof Error ? error.message : String(error);
  // A token that is refused stays refused; another one may be had.
  again.hidden = !(error instanceof AuthenticationError);
}

/** A fresh token. The client asks for one with each call and connection, and before the one of a stream ends. */
async function token(): Promise<string> {
  const response = await fetch("/token", { method: "POST" });
  if (!response.ok) throw new Error(response.status === 401 ? "you are no longer signed in" : `no token: ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return token;
}

let im: Client | undefined;

async function show(me: Me): Promise<void> {
  await im?.close();
  const client = (im = createClient({ address: me.gateway, token, retry: true }));
  signIn.hidden = true;
  main.hidden = false;
  problem.textContent = "";
  again.hidden = true;
  chats.replaceChildren();
  events.replaceChildren();
  element("#who", HTMLElement).textContent = me.name;
  client.connection.on(({ state }) => (element("#state", HTMLElement).textContent = state));

  // All of the user's chats in one stream: the gateway leaves out what the token is not for.
  client.chats.subscribeEvents().on((event) => add(events, `${event.chatGuid} ${event.type}`), tell);
  again.onclick = () => void show(me);

  for (const guid of me.chats) {
    try {
      const chat = await client.chats.get(guid);
      add(chats, chat.displayName || chat.guid);
    } catch (error) {
      tell(error);
    }
  }
}

signIn.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const response = await fetch("/sign-in", { method: "POST", body: JSON.stringify(Object.fromEntries(new FormData(signIn))) });
  const answer = (await response.json()) as Me | { readonly error: string };
  if ("error" in answer) problem.textContent = answer.error;
  else await show(answer);
});

open.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  opened.textContent = "";
  problem.textContent = "";
  try {
    const chat = await im?.chats.get(String(new FormData(open).get("chat")));
    opened.textContent = chat ? `opened ${chat.guid}` : "";
  } catch (error) {
    tell(error);
  }
});

// After a reload the cookie is still there.
const me = (await (await fetch("/me")).json()) as Me | null;
if (me) await show(me);
