"use server";

import { IMessageError } from "im-chats/messages";
import { randomUUID } from "node:crypto";
import { redirect } from "next/navigation";

import { im, userFor } from "../lib/im";

/** What a form shows after its action: what went wrong, and the text, which is then not lost. */
export interface FormState {
  /** The idempotency key of the next send. The same one after an error: sending the same text again is still one message. */
  readonly key: string;
  readonly text?: string;
  readonly error?: string;
}

/** Sends into a chat, with the operator's token. The message reaches the page as an event. */
export async function send(guid: string, last: FormState, form: FormData): Promise<FormState> {
  const text = String(form.get("text"));
  // Another text is another message, and its key must not be that of one which may have been sent.
  const key = last.text === undefined || last.text === text ? last.key : randomUUID();
  if ((await userFor(guid)) === undefined) return { key, text, error: "this chat is not yours" };
  try {
    await im().messages.send(guid, text, { clientMessageId: key });
    return { key: randomUUID() };
  } catch (error) {
    return { key, text, error: wordsOf(error) };
  }
}

/** Opens the chat with an address, or begins one. */
export async function open({ key }: FormState, form: FormData): Promise<FormState> {
  const text = String(form.get("text"));
  let guid: string;
  try {
    ({ guid } = (await im().chats.create([text])).chat);
  } catch (error) {
    return { key, text, error: wordsOf(error) };
  }
  redirect(`/chats/${encodeURIComponent(guid)}`);
}

function wordsOf(error: unknown): string {
  if (error instanceof IMessageError) return error.message;
  throw error;
}
