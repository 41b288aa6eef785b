import { ErrorCode, IMessageError, make, messageOf } from "./errors.js";

/** What says that a database is one of an emulator. */
const FORMAT = "im-chats emulator 1";

/** What was kept. @internal */
export interface Found {
  readonly log: string;
  readonly entries: string[];
  readonly blobs: [kind: string, owner: string, mime: string, bytes: Uint8Array][];
}

interface Blob {
  readonly kind: string;
  readonly owner: string;
  readonly mime: string;
  readonly bytes: Uint8Array;
}

/** The journal of an emulator in IndexedDB. @internal */
export class EmulatorStore {
  readonly found: Found;
  readonly #name: string;
  readonly #database: IDBDatabase;

  private constructor(name: string, database: IDBDatabase, found: Found) {
    this.#name = name;
    this.#database = database;
    this.found = found;
  }

  /** Opens a database, and makes it where there is none. One that is something else is left as it is. */
  static async open(name: string): Promise<EmulatorStore> {
    const database = await opened(name);
    try {
      return new EmulatorStore(name, database, await read(name, database));
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Keeps entries, from the one numbered `first` on, and what becomes of bytes: all of it or nothing. */
  async keep(first: number, entries: readonly string[], deeds: readonly unknown[][]): Promise<void> {
    try {
      const transaction = this.#database.transaction(["entries", "blobs"], "readwrite", { durability: "strict" });
      const done = finished(transaction);
      const [journal, blobs] = [transaction.objectStore("entries"), transaction.objectStore("blobs")];
      // Another page that has the same database would have written this entry already: `add` refuses that.
      entries.forEach((text, index) => journal.add(text, first + index));
      for (const [kind, owner, mime, bytes] of deeds) {
        if (bytes) blobs.put({ kind, owner, mime, bytes });
        else blobs.delete([kind, owner] as string[]);
      }
      await done;
    } catch (cause) {
      throw new Error(`the database ${JSON.stringify(this.#name)} could not be written: ${messageOf(cause)}; if another page has it open, close that one and load this one again`);
    }
  }

  /** The error of what was kept and cannot be read. */
  unreadable(why: string): IMessageError {
    return unreadable(this.#name, why);
  }

  close(): void {
    this.#database.close();
  }
}

/** The error of a database that is not what an emulator wrote. */
function unreadable(name: string, why: string, cause?: unknown): IMessageError {
  const remedy = "nothing in it was changed; choose another name, or delete it with indexedDB.deleteDatabase to begin again";
  return databaseError(`the database ${JSON.stringify(name)} cannot be used: ${why}; ${remedy}`, cause);
}

async function opened(name: string): Promise<IDBDatabase> {
  try {
    return await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        const { result } = request;
        result.createObjectStore("meta").put({ format: FORMAT, log: freshLog() }, "journal");
        result.createObjectStore("entries");
        result.createObjectStore("blobs", { keyPath: ["kind", "owner"] });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("another page has it open"));
    });
  } catch (cause) {
    throw unreadable(name, messageOf(cause), cause);
  }
}

async function read(name: string, database: IDBDatabase): Promise<Found> {
  const stores = ["meta", "entries", "blobs"];
  if (!stores.every((store) => database.objectStoreNames.contains(store))) throw unreadable(name, "it is not one of an emulator");
  try {
    const transaction = database.transaction(stores);
    const all = <T>(store: string, what: "getAll" | "getAllKeys") => result<T[]>(transaction.objectStore(store)[what]());
    const [meta, keys, entries, blobs] = await Promise.all([
      result<{ format?: unknown; log?: unknown } | undefined>(transaction.objectStore("meta").get("journal")),
      all<unknown>("entries", "getAllKeys"),
      all<unknown>("entries", "getAll"),
      all<Blob>("blobs", "getAll"),
    ]);
    if (meta?.format !== FORMAT || typeof meta.log !== "string") throw new Error("it is not one of an emulator");
    const hole = keys.findIndex((key, index) => key !== index + 1 || typeof entries[index] !== "string");
    if (hole >= 0) throw new Error(`entry ${hole + 1} of its journal is missing`);
    return { log: meta.log, entries: entries as string[], blobs: blobs.map(({ kind, owner, mime, bytes }) => [kind, owner, mime, bytes]) };
  } catch (cause) {
    throw unreadable(name, messageOf(cause), cause);
  }
}

function result<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("it cannot be read"));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    // Not `onerror`, which comes before the transaction has its error.
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
  });
}

/** The id of a new event log: a cursor belongs to one. @internal */
export function freshLog(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function databaseError(message: string, cause?: unknown): IMessageError {
  return make(IMessageError, message, { code: ErrorCode.databaseError, grpcCode: 13, retryable: false, cause });
}
