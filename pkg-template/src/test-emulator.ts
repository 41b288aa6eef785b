import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ErrorCode, IMessageError, invalid, precondition } from "./errors.js";
import { gatewayBinary } from "./gateway-binary.js";
import { gatewayCall } from "./gateway-call.js";
import { GatewayProcess } from "./gateway-process.js";
import { createClient } from "./messages-node.js";
import type { MessagesClient } from "./messages-types.js";
import { checkKeys, type ClientOptions } from "./options.js";
import { asyncDispose } from "./stream.js";
import type { EmulatorOptions, TestEmulator } from "./testing-types.js";
import { worldOf } from "./world.js";

const MAX_TIMER_MS = 2_147_483_647;

/** How long a start may take without `startTimeout`. */
const START_TIMEOUT_MS = 30_000;

/** What no system takes in an argument, a path or the environment. */
const NUL = "\0";

type Settings = Pick<EmulatorOptions, "gateway" | "data"> & { token: string; arguments: readonly string[]; startTimeout: number };

function settingsOf(options: EmulatorOptions): Settings {
  checkKeys(options, "options", ["gateway", "token", "data", "arguments", "startTimeout"]);
  const { gateway, data, token = randomBytes(24).toString("hex"), arguments: more = [], startTimeout = START_TIMEOUT_MS } = options;
  for (const [field, value] of Object.entries({ gateway, data, token })) {
    if (value !== undefined && (typeof value !== "string" || value === "" || value.includes(NUL))) {
      throw invalid(field, "expected a text that is not empty and has no NUL");
    }
  }
  if (!Array.isArray(more) || more.some((each) => typeof each !== "string" || each.includes(NUL))) {
    throw invalid("arguments", "expected a list of texts without NUL");
  }
  if (!Number.isInteger(startTimeout) || startTimeout < 1 || startTimeout > MAX_TIMER_MS) {
    throw invalid("startTimeout", `expected a whole number of milliseconds from 1 to ${MAX_TIMER_MS}`);
  }
  return { gateway, data, token, arguments: [...more], startTimeout };
}

/** Starts the gateway, and makes what a test has of it. @internal */
export async function start(options: EmulatorOptions): Promise<TestEmulator> {
  const settings = settingsOf(options);
  const binary = await gatewayBinary(settings.gateway);
  const temporary = settings.data === undefined ? await mkdtemp(join(tmpdir(), "im-chats-test-")) : undefined;
  // Whatever happens to this program, the gateway does not stay behind.
  const command = ["emulator", "--exit-with-stdin", "--listen", "127.0.0.1:0", "--data", settings.data ?? (temporary as string)];
  let gateway: GatewayProcess | undefined;
  try {
    // In the environment: others of the machine can read command lines.
    gateway = new GatewayProcess(binary, [...command, ...settings.arguments], { IM_CHATS_TOKEN: settings.token }, temporary);
    const address = await gateway.listening(settings.startTimeout);
    gateway.unref();
    return emulatorOf(gateway, address, settings.token);
  } catch (error) {
    if (gateway) await gateway.stop();
    else if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

function emulatorOf(gateway: GatewayProcess, address: string, token: string): TestEmulator {
  const clients = new Set<MessagesClient>();
  let stopped: Promise<void> | undefined;

  const world = worldOf(async (path, body) => {
    if (gateway.gone !== undefined) throw precondition(gateway.gone);
    try {
      return await gatewayCall(address, token, path, body);
    } catch (error) {
      // That it has ended says more than that a connection was cut.
      const isCut = error instanceof IMessageError && error.code === ErrorCode.networkError;
      if (isCut) await gateway.ending();
      if (isCut && gateway.gone !== undefined) throw precondition(gateway.gone);
      throw error;
    }
  });

  const stop = async () => {
    // Their cursors are saved while there is still a server; a client that could not save one says so once everything has ended.
    const closed = await Promise.allSettled([...clients].map((client) => client.close()));
    await gateway.stop();
    for (const each of closed) if (each.status === "rejected") throw each.reason;
  };

  return {
    address,
    token,
    world,
    client(options: Partial<ClientOptions> = {}) {
      if (gateway.gone !== undefined) throw precondition(gateway.gone);
      // Which options there are, `createClient` knows.
      if (typeof options !== "object" || options === null) throw invalid("options", "expected an object");
      const client = createClient({ ...options, address: options.address ?? address, token: options.token ?? token });
      clients.add(client);
      return client;
    },
    stop: () => (stopped ??= stop()),
    [asyncDispose]: () => (stopped ??= stop()),
  };
}
