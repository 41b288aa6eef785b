import type { CursorStore } from "./cursor-store.js";
import { ErrorCode, IMessageError } from "./errors.js";

/**
 * Keeps a stream's cursor in a file, in Node, Bun and Deno. This runtime's part of the package knows no files: a stream with such
 * a store ends with `operationNotSupported`. Use {@link storageCursor}, or a {@link CursorStore} of your own.
 *
 * @param _path the file
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
