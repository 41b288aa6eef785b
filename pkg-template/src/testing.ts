/** `im-chats/testing`: an emulator for a test, and streams without one. For Node, Bun and Deno; {@link fakeStream} works everywhere. */
import { blame, callSite, ErrorCode, IMessageError } from "./errors.js";
import type { EmulatorOptions, TestEmulator } from "./testing-types.js";

export { fakeStream } from "./fake-stream.js";
export type { EmulatorOptions, TestEmulator } from "./testing-types.js";
export type {
  ActOnMessageOptions,
  ActOptions,
  GenerateOptions,
  Generated,
  World,
  WorldAttachment,
  WorldChat,
  WorldMessage,
  WorldReactOptions,
  WorldReadOptions,
  WorldSender,
  WorldTypingOptions,
  Written,
  WrittenAttachment,
  WrittenMessage,
  WrittenPoll,
} from "./world.js";

/**
 * Starts an emulator for a test: the `im-chats-gateway` of this machine, on a free port, with a token and a temporary data directory of its
 * own. Many can run beside each other. It ends with `stop()`, and with this process, however that ends.
 *
 * @param options which binary, with which options; by default the one that is found
 * @returns the emulator, once it listens
 * @throws ValidationError when an option is wrong; of code `preconditionFailed` when there is no binary, and the message says what to do,
 * or when the binary ends at once, and the message has its last lines
 * @throws ConnectionError of code `timeout` when it does not listen in time
 *
 * @example
 * await using server = await startEmulator();
 * const im = server.client();
 * const { chat } = await server.world.receive({ from: "alice@example.com", text: "Lunch?" });
 * const { messages } = await im.messages.list(chat);
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<TestEmulator> {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  // Bun and Deno call themselves Node here, too. A page may have a `process` that a bundler put there.
  if (typeof process?.versions?.node !== "string") {
    throw new IMessageError("startEmulator runs a program, which a page cannot: start it in Node, Bun or Deno, and give the page its address", {
      code: ErrorCode.operationNotSupported,
      grpcCode: 12,
      retryable: false,
    });
  }
  const site = callSite(startEmulator);
  try {
    // Not before it is asked for: pages, which have only streams to fake, have nothing of this.
    return await (await import("./test-emulator.js")).start(options);
  } catch (error) {
    throw blame(error, site);
  }
}
