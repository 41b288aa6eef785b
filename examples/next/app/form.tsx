"use client";

import { useActionState } from "react";

import type { FormState } from "./actions";

/** One line of text and a button, around a server action. Without JavaScript it works, too. */
export function Form({ label, button, action, start }: {
  label: string;
  button: string;
  action: (state: FormState, form: FormData) => Promise<FormState>;
  start: FormState;
}) {
  const [state, submit, isPending] = useActionState(action, start);
  return (
    <form action={submit}>
      {state.error && <p role="alert">{state.error}</p>}
      <input name="text" aria-label={label} placeholder={label} defaultValue={state.text} key={state.text} required />
      <button disabled={isPending}>{button}</button>
    </form>
  );
}
