import { open, readFile, rename, unlink } from "node:fs/promises";

import type { CursorStore } from "./cursor-store.js";
import { invalid } from "./errors.js";

/**
 * Keeps a stream's cursor in a file. The file is replaced as a whole, and is on disk before the next save: a crash leaves the
 * cursor before or the one after, never half of one. Its folder must exist. For Node, Bun and Deno; elsewhere loading it fails
 * with `operationNotSupported`.
 *
 * @example
 * for await (const event of im.chats.subscribeEvents({ cursor: fileCursor("cursor.txt") })) console.log(event.type);
 *
 * @param path the file; another one for every stream
 * @throws ValidationError when `path` is not a path
 */
export function fileCursor(path: string | URL): CursorStore {
  if (typeof path !== "string" && !(path instanceof URL)) throw invalid("path", "expected the path of a file");
  if (path === "" || (typeof path !== "string" && path.protocol !== "file:")) throw invalid("path", "expected the path of a file");
  // Beside it, since a file moves in one step only within its file system; by process, so that two never share one.
  const temporary = typeof path === "string" ? `${path}.${process.pid}.tmp` : new URL(`${path.href}.${process.pid}.tmp`);
  return {
    async load() {
      try {
        return (await readFile(path, "utf8")).trim();
      } catch (error) {
        if ((error as { code?: unknown }).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async save(cursor) {
      try {
        const file = await open(temporary, "w");
        try {
          await file.writeFile(`${cursor}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await unlink(temporary).catch(() => {});
        throw error;
      }
    },
  };
}
