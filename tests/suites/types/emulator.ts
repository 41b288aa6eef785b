// The types of im-chats/emulator as a program sees them.

import { createClient } from "im-chats";
import { createClient as createMessagesClient } from "im-chats/messages";
import { createEmulator, type CreateEmulatorOptions, type Emulator, type World, type WorldChat } from "im-chats/emulator";
import type { World as TestWorld } from "im-chats/testing";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

is<Equal<World, TestWorld>>();

export async function inside(options: CreateEmulatorOptions): Promise<readonly WorldChat[]> {
  await using emulator = await createEmulator({ ...options, persist: undefined });
  is<Equal<typeof emulator, Emulator>>();
  createClient({ address: emulator });
  createMessagesClient({ address: emulator, token: undefined });
  await emulator.cut();
  await emulator.advance(60_000);
  return emulator.world.chats();
}

// @ts-expect-error -- no such seed
void createEmulator({ seed: "none" });
// @ts-expect-error -- no such option
void createEmulator({ chats: [] });
// @ts-expect-error -- a start is awaited
createClient({ address: createEmulator() });
