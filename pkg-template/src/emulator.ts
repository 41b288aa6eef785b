/** `im-chats/emulator`: an iMessage service inside a page; the entry for browsers and everything that loads an asset by its URL. */
import { emulatorFactory } from "./emulator-core.js";
import { engine } from "./emulator-engine.js";
import type { CreateEmulator } from "./emulator-types.js";

export * from "./emulator-public.js";

/** Its documentation is that of {@link CreateEmulator}. */
export const createEmulator: CreateEmulator = emulatorFactory({
  engine,
  // Written out where bundlers look for it: they move the file and put its new address here.
  wasm: () => new URL("./wasm/emulator_bg.wasm", import.meta.url),
});
