import { access, constants, stat } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { invalid, precondition } from "./errors.js";

const NAME = process.platform === "win32" ? "im-chats-gateway.exe" : "im-chats-gateway";

/** What to do when there is none. */
const ADVICE =
  "no im-chats-gateway was found; npm install --save-dev im-chats-gateway, put it on the PATH, or set IM_CHATS_GATEWAY to the binary " +
  "(in the repository of im-chats: cargo xtask build, then target/release/im-chats-gateway)";

/**
 * The gateway's binary: the one that is named, that of `IM_CHATS_GATEWAY`, that of an npm package of the program or beside this
 * package, or the first on the PATH. @internal
 */
export async function gatewayBinary(named: string | undefined): Promise<string> {
  if (named !== undefined) {
    if (await isFile(named)) return resolve(named);
    throw invalid("gateway", `there is no file ${resolve(named)}; expected the path of the im-chats-gateway binary`);
  }
  const { IM_CHATS_GATEWAY: variable, PATH = "" } = process.env;
  if (variable) {
    if (await isFile(variable)) return resolve(variable);
    throw precondition(`IM_CHATS_GATEWAY names ${variable}, and there is no such file; set it to the im-chats-gateway binary, or unset it`);
  }
  const installed = [process.cwd(), ownFolder()].flatMap((folder) => upwards(folder).map((each) => join(each, "node_modules", ".bin")));
  for (const folder of [...installed, ...PATH.split(delimiter).filter(Boolean)]) {
    const file = join(folder, NAME);
    // Of the PATH, a file of that name that nobody may run is not the program.
    if ((await isFile(file)) && (await isExecutable(file))) return file;
  }
  throw precondition(ADVICE);
}

/** Where this package is; the program's folder, when it was bundled and nobody knows. */
function ownFolder(): string {
  try {
    return dirname(fileURLToPath(import.meta.url));
  } catch {
    return process.cwd();
  }
}

/** A folder, and those above it. */
function upwards(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
