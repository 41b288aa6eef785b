// What the types of `im-chats/testing` promise. A line that must not compile is marked; the mark itself fails when the line does compile.

import { createClient, TypedEventStream, type ChatEvent, type PollOption } from "im-chats";
import type { MessagesClient } from "im-chats/messages";
import { fakeStream, startEmulator, type TestEmulator, type World, type WrittenMessage } from "im-chats/testing";

/** Compiles only when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(proof: Same<A, B>) => proof;

export async function disposed(): Promise<number> {
  await using server = await startEmulator({ arguments: ["--allow-origin", "https://app.example"] as const });
  same<typeof server, TestEmulator>(true);
  same<ReturnType<typeof server.client>, MessagesClient>(true);
  createClient({ address: server.address, token: server.token });
  return (await server.world.chats()).length;
}

// @ts-expect-error -- there is no such option
void startEmulator({ port: 8787 });
// @ts-expect-error -- a start is awaited
void startEmulator().address;

export async function acts(world: World): Promise<void> {
  same<Awaited<ReturnType<World["receive"]>>, WrittenMessage>(true);
  const { chat, message } = await world.receive({ from: "alice@example.com", text: "Hello" });
  // @ts-expect-error -- a message has a text
  void world.receive({ from: "alice@example.com" });
  // @ts-expect-error -- no such effect
  void world.receive({ from: "alice@example.com", text: "Hello", effect: "rain" });
  await world.react(chat, message, "love", { actor: "alice@example.com" });
  await world.react(chat, message, { kind: "emoji", emoji: "🎉" });
  // @ts-expect-error -- no such tapback
  void world.react(chat, message, "hug");
  // @ts-expect-error -- bytes, and not the path of a file
  void world.setBackground(chat, "beach.jpg");
  const { poll, options } = await world.createPoll(chat, "Lunch?", ["Pizza", "Sushi"]);
  same<typeof options, readonly PollOption[]>(true);
  await world.vote(poll, options[0]?.optionIdentifier ?? "option-1");
}

const event: ChatEvent = { type: "chat.archived", chatGuid: "any;-;alice@example.com", sequence: 1, occurredAt: "2026-01-01T12:00:00Z", isFromMe: true };
same<ReturnType<typeof fakeStream<ChatEvent>>, TypedEventStream<ChatEvent>>(true);
export const listed: TypedEventStream<ChatEvent> = fakeStream([event]);
export const iterated: TypedEventStream<ChatEvent> = fakeStream(
  (async function* () {
    yield event;
  })(),
);
// @ts-expect-error -- an event that nobody knows
export const wrong: TypedEventStream<ChatEvent> = fakeStream([{ ...event, type: "chat.renamed" }]);
// @ts-expect-error -- one event is no list
void fakeStream(event);
