import type { CursorStore } from "./cursor-store.js";
import { ErrorCode, IMessageError } from "./errors.js";

/**
 * Keeps a stream's cursor in a file. The file is replaced as a whole, and is on disk before the next save: a crash leaves the
 * cursor before or the one after, never half of one. Its folder must exist. A symbolic link stays one: what it leads to is
 * replaced. For Node, Bun and Deno; in browsers and edge workers, which have no files, a stream with such a store ends with
 * `operationNotSupported`: use {@link storageCursor} there, or a {@link CursorStore} of your own.
 *
 * @example
 * for await (const event of im.chats.subscribeEvents({ cursor: fileCursor("cursor.txt") })) console.log(event.type);
 *
 * @param _path the file, as a path or a `file:` URL without query and fragment; another one for every stream
 * @returns the store, for the option `cursor` of `subscribeEvents` and `catchUp`
 */
export function fileCursor(_path: string | URL): CursorStore {
  const refuse = async (): Promise<never> => {
    throw new IMessageError("this runtime has no files; use storageCursor, or a store of your own with load and save", {
      code: ErrorCode.operationNotSupported,
      grpcCode: 12,
      retryable: false,
      context: { field: "cursor" },
    });
  };
  return { load: refuse, save: refuse };
}
