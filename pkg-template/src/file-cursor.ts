import { randomUUID } from "node:crypto";
import { open, readFile, readlink, realpath, rename, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import type { CursorStore } from "./cursor-store.js";
import { invalid } from "./errors.js";

/**
 * Keeps a stream's cursor in a file. The file is replaced as a whole, and is on disk before the next save: a crash leaves the
 * cursor before or the one after, never half of one. Its folder must exist. A symbolic link stays one: what it leads to is
 * replaced. For Node, Bun and Deno; in browsers and edge workers, which have no files, a stream with such a store ends with
 * `operationNotSupported`: use {@link storageCursor} there, or a {@link CursorStore} of your own.
 *
 * @example
 * for await (const event of im.chats.subscribeEvents({ cursor: fileCursor("cursor.txt") })) console.log(event.type);
 *
 * @param path the file, as a path or a `file:` URL without query and fragment; another one for every stream
 * @returns the store, for the option `cursor` of `subscribeEvents` and `catchUp`
 * @throws ValidationError when `path` is not a path
 */
export function fileCursor(path: string | URL): CursorStore {
  const file = pathOf(path);
  return {
    load: () =>
      inTurn(file, async () => {
        try {
          return (await readFile(file, "utf8")).trim();
        } catch (error) {
          if ((error as { code?: unknown }).code === "ENOENT") return undefined;
          throw error;
        }
      }),
    save: (cursor) => inTurn(file, () => replace(file, `${cursor}\n`)),
  };
}

function pathOf(path: string | URL): string {
  if (typeof path === "string" && path !== "") return resolve(path);
  if (!(path instanceof URL)) throw invalid("path", "expected the path of a file");
  // Silently left out, they would make one file of two.
  if (path.search !== "" || path.hash !== "") throw invalid("path", "expected the URL of a file, without a query or a fragment");
  try {
    return fileURLToPath(path);
  } catch {
    throw invalid("path", "expected the path of a file");
  }
}

/** What was begun last on each file: a stream that is over may still save while the one that follows it begins. None rejects. */
const turns = new Map<string, Promise<void>>();

function inTurn<T>(file: string, act: () => Promise<T>): Promise<T> {
  const turn = (turns.get(file) ?? Promise.resolve()).then(act);
  const end = turn.then(
    () => {},
    () => {},
  ).then(() => {
    if (turns.get(file) === end) turns.delete(file);
  });
  turns.set(file, end);
  return turn;
}

async function replace(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => readlink(file).then((link) => resolve(dirname(file), link))).catch(() => file);
  // Beside it, since a file moves in one step only within its file system; a name of its own, so that no two saves share one.
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}
