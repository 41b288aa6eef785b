import { createClient } from "im-chats/messages";

interface Answer {
  readonly address: string;
  readonly token: string;
}

/** The back end's answer. The client asks for a fresh token before the one it has ends. */
async function fetchAnswer(): Promise<Answer> {
  const response = await fetch("/token", { method: "POST" });
  const answer = (await response.json()) as Answer | { readonly error: string };
  if ("error" in answer) throw new Error(answer.error);
  return answer;
}

/** The client of this page. */
export const makeClient = async () =>
  createClient({ address: (await fetchAnswer()).address, token: async () => (await fetchAnswer()).token, retry: true });
