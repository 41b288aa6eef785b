// The SDKs under comparison behind one face. The service's own is installed by `cargo xtask` into an empty folder, as ours is.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { importPackage } from "../support/package.mjs";

/** The folder in which the packages of `tests/suites/interop/package.json` are installed. */
const installed = () => {
  const dir = process.env.IM_CHATS_INTEROP;
  if (!dir) throw new Error("IM_CHATS_INTEROP must name the folder with the installed peer; run this through `cargo xtask test interop`");
  return createRequire(join(dir, "package.json"));
};

/** The main file of an installed package. */
export const resolveInstalled = (name) => installed().resolve(name);

/** An installed package. */
export const importInstalled = (name) => import(pathToFileURL(resolveInstalled(name)).href);

/** Their SDK over each of its transports, and ours. */
export const SDKS = ["http", "grpc", "ours"];

/** How a person calls them. */
export const TITLES = { http: "their SDK over HTTP", grpc: "their SDK over gRPC", ours: "im-chats" };

/**
 * A client of the SDK `name`, with the classes of its errors. `onHeartbeat` is what only their gRPC client has: the one sign
 * that its stream is attached.
 */
export async function openSdk(name, address, { onHeartbeat, ...options }) {
  if (name === "ours") {
    const module = await importPackage();
    return { module, im: module.createClient({ address, ...options }) };
  }
  if (name === "http") {
    const module = await importInstalled("@photon-ai/advanced-imessage/http");
    return { module, im: module.createHttpClient({ address, ...options }) };
  }
  const module = await importInstalled("@photon-ai/advanced-imessage/grpc");
  const { host, protocol } = new URL(address);
  return { module, im: module.createGrpcClient({ address: host, tls: protocol === "https:", onHeartbeat, ...options }) };
}
