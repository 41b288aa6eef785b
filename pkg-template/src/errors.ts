/**
 * Every documented error code, by its own name: compare `error.code` with these. A code that only a newer server knows arrives
 * as a plain string.
 *
 * @example
 * if (error instanceof IMessageError && error.code === ErrorCode.chatNotFound) console.log("no such chat");
 */
export const ErrorCode = {
  // begin codes: from protocol/src/error/code.rs; gateway/tests/documented.rs compares
  /** There is no credential, or one that the service does not know. */
  unauthenticated: "unauthenticated",
  /** The token has ended. */
  tokenExpired: "tokenExpired",
  /** The token was withdrawn. */
  tokenBlocked: "tokenBlocked",
  /** The token, the origin or the host name does not allow this. */
  unauthorized: "unauthorized",
  /** The account's messages for today are used up. */
  dailyLimitExceeded: "dailyLimitExceeded",
  /** Too many messages went to one recipient. */
  recipientLimitExceeded: "recipientLimitExceeded",
  /** Too much was uploaded. */
  uploadRateExceeded: "uploadRateExceeded",
  /** The same content was sent too often. */
  contentDuplicateExceeded: "contentDuplicateExceeded",
  /** Nobody may write to this recipient for a while. */
  recipientCoolingDown: "recipientCoolingDown",
  /** Nobody may write to this recipient. */
  recipientLocked: "recipientLocked",
  /** Too many calls or frames came in a short time. */
  burstRateExceeded: "burstRateExceeded",
  /** Too many new contacts were written to. */
  newContactThrottled: "newContactThrottled",
  /** Much is sent and little comes back. */
  sendReceiveRatioExceeded: "sendReceiveRatioExceeded",
  /** More event streams are open than the server allows one client; `context.limit` says how many. */
  subscriptionLimitExceeded: "subscriptionLimitExceeded",
  /** The idempotency key was already used for a different write. */
  duplicateMessage: "duplicateMessage",
  /** There is no such chat. */
  chatNotFound: "chatNotFound",
  /** There is no such message. */
  messageNotFound: "messageNotFound",
  /** There is no such attachment. */
  attachmentNotFound: "attachmentNotFound",
  /** There is no such address. */
  addressNotFound: "addressNotFound",
  /** That friend shares no location. */
  sharedFriendLocationNotFound: "sharedFriendLocationNotFound",
  /** The group has no icon. */
  groupIconNotFound: "groupIconNotFound",
  /** There is no such poll. */
  pollNotFound: "pollNotFound",
  /** The request is wrong; `context.field` names where. */
  invalidArgument: "invalidArgument",
  /** The request is right, but not in the present state. */
  preconditionFailed: "preconditionFailed",
  /** The service has no such operation, or speaks another version of the protocol. */
  operationNotSupported: "operationNotSupported",
  /** The attachment is still on its way. */
  attachmentNotReady: "attachmentNotReady",
  /** The Mac's private interface is switched off. */
  privateApiUnavailable: "privateApiUnavailable",
  /** The service cannot answer now: it starts, stops, is full, or its upstream is away. */
  serviceUnavailable: "serviceUnavailable",
  /** No answer came within the time allowed. */
  timeout: "timeout",
  /** The service failed, or its answer does not have the documented shape. */
  internalError: "internalError",
  /** The service's database failed. It is not retryable when stored data is damaged. */
  databaseError: "databaseError",
  /** The network failed before an answer came. */
  networkError: "networkError",
  /** The log begins after the cursor; `context.first` and `context.head` say where. */
  cursorTooOld: "cursorTooOld",
  /** The cursor is beyond the log's head: it belongs to another log, or the log lost its end. */
  cursorAhead: "cursorAhead",
  /** The cursor belongs to another log: the server was reset or restored. */
  logChanged: "logChanged",
  // end codes
} as const;

/** A documented error code: one of the texts in {@link ErrorCode}. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What an {@link IMessageError} is made of besides its message. */
export interface IMessageErrorOptions {
  /** The reason; an {@link ErrorCode}, or a code that only a newer server knows. */
  readonly code: ErrorCode | (string & {});
  /**
   * The gRPC status number, 1 to 16. It tells the class that a failure of a call has; `new` makes the class it is called on.
   */
  readonly grpcCode: number;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Facts by name, for example `field`, the input that is wrong. Default none. */
  readonly context?: Readonly<Record<string, string>> | undefined;
  /** How long the server asks to wait before the next try, in milliseconds. Absent when it does not ask. */
  readonly retryAfter?: number | undefined;
  /**
   * Who answered: `middleware`, `upstream`, or `intermediary` when something before the service did. Absent when it is not
   * known.
   */
  readonly source?: string | undefined;
  /** The server's id of the request, for its operator. Absent when the server gave none. */
  readonly requestId?: string | undefined;
  /** What caused it, of any type. Absent when there is no other error behind it. */
  readonly cause?: unknown;
}

/**
 * An {@link IMessageError} as plain data, which JSON and `postMessage` carry. What caused it and its stack stay behind.
 */
export interface IMessageErrorJson extends Omit<IMessageErrorOptions, "cause"> {
  /** The name of its class. */
  readonly name: string;
  /** What happened, in words. */
  readonly message: string;
}

/**
 * The class of every failure that this package reports: itself, or one of {@link AuthenticationError}, {@link NotFoundError},
 * {@link RateLimitError}, {@link ValidationError} and {@link ConnectionError}.
 *
 * @example
 * try {
 *   await im.chats.get(guid);
 * } catch (error) {
 *   if (error instanceof NotFoundError) console.log("no such chat");
 *   else if (error instanceof IMessageError && error.retryable) console.log("try again later", error.code);
 *   else throw error;
 * }
 */
export class IMessageError extends Error {
  /** The reason; an {@link ErrorCode}, or a code that only a newer server knows. */
  readonly code: ErrorCode | (string & {});
  /** The gRPC status number, 1 to 16; the class of a failed call follows from it. */
  readonly grpcCode: number;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Facts by name, for example `field`, the input that is wrong. Empty when there are none. */
  readonly context: Readonly<Record<string, string>>;
  /** How long the server asks to wait before the next try, in milliseconds. Absent when it does not ask. */
  declare readonly retryAfter?: number;
  /**
   * Who answered: `middleware`, `upstream`, or `intermediary` when something before the service did. Absent when it is not
   * known.
   */
  declare readonly source?: string;
  /** The server's id of the request, for its operator. Absent when the server gave none. */
  declare readonly requestId?: string;

  /**
   * Errors are usually met, not made; making one helps to test code that handles them.
   *
   * @param message what happened, in words
   * @param options the fields of the error; `code`, `grpcCode` and `retryable` at least
   *
   * @example
   * const error = new NotFoundError("no such chat", { code: ErrorCode.chatNotFound, grpcCode: 5, retryable: false });
   */
  constructor(message: string, options: IMessageErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.grpcCode = options.grpcCode;
    this.retryable = options.retryable;
    this.context = options.context ?? {};
    // An absent value is an absent key, so that a logged error shows only what is known.
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.source !== undefined) this.source = options.source;
    if (options.requestId !== undefined) this.requestId = options.requestId;
  }

  /**
   * The error as plain data, for `postMessage` and JSON: a structured clone of the error itself keeps neither its class nor its
   * code. {@link IMessageError.fromJSON} makes an error of it again.
   *
   * @returns the name of the class and every field but `cause` and `stack`; an absent field is an absent key
   *
   * @example
   * port.postMessage({ failed: error.toJSON() });
   */
  toJSON(): IMessageErrorJson {
    const { name, message, code, grpcCode, retryable, context, retryAfter, source, requestId } = this;
    return {
      name,
      message,
      code,
      grpcCode,
      retryable,
      context,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(source !== undefined && { source }),
      ...(requestId !== undefined && { requestId }),
    };
  }

  /**
   * The error that {@link IMessageError.toJSON} was called on, of the same class and with the same fields.
   *
   * @param json what `toJSON()` gave, before or after it travelled
   * @returns an error of the class that `json.name` names
   * @throws ValidationError when `json` is not such data
   *
   * @example
   * worker.onmessage = ({ data }) => console.error(IMessageError.fromJSON(data.failed));
   */
  static fromJSON(json: IMessageErrorJson): IMessageError {
    const { name, message, ...fields } = Object(json) as IMessageErrorJson;
    const Class = CLASSES.find((each) => each.name === name);
    const { code, grpcCode, retryable } = fields;
    if (!Class || typeof message !== "string" || typeof code !== "string" || typeof grpcCode !== "number" || typeof retryable !== "boolean") {
      throw invalid("json", "expected what toJSON() of an IMessageError gives");
    }
    return new Class(message, fields);
  }
}

/** The token is missing, wrong, expired, or does not allow this. */
export class AuthenticationError extends IMessageError {
  /** The name of the class, also in minified code: `"AuthenticationError"`. */
  static override readonly name: string = "AuthenticationError";
}

/** What was asked for does not exist. */
export class NotFoundError extends IMessageError {
  /** The name of the class, also in minified code: `"NotFoundError"`. */
  static override readonly name: string = "NotFoundError";
}

/** A rate limit or quota was reached. */
export class RateLimitError extends IMessageError {
  /** The name of the class, also in minified code: `"RateLimitError"`. */
  static override readonly name: string = "RateLimitError";
}

/** The input is wrong, here or at the server; `context.field` names where. */
export class ValidationError extends IMessageError {
  /** The name of the class, also in minified code: `"ValidationError"`. */
  static override readonly name: string = "ValidationError";
}

/** The service could not be reached, or did not answer in time. */
export class ConnectionError extends IMessageError {
  /** The name of the class, also in minified code: `"ConnectionError"`. */
  static override readonly name: string = "ConnectionError";
}

Object.defineProperty(IMessageError, "name", { value: "IMessageError" });

/** In the order of `Category::number` in `protocol/src/error/grpc.rs`; `gateway/tests/documented.rs` compares. */
const CLASSES = [IMessageError, AuthenticationError, NotFoundError, RateLimitError, ValidationError, ConnectionError];

/** Errors that were made here, and that {@link blame} has not seen yet. One that the user made keeps the user's stack. */
const ours = new WeakSet<object>();

/** Makes an error whose stack {@link blame} may set. @internal */
export function make<E extends IMessageError>(
  Class: new (message: string, options: IMessageErrorOptions) => E,
  message: string,
  options: IMessageErrorOptions,
): E {
  const error = new Class(message, options);
  ours.add(error);
  return error;
}

/** @internal */
export function buildError(category: number, message: string, options: IMessageErrorOptions, cause: unknown): IMessageError {
  return make(CLASSES[category] ?? IMessageError, message, { ...options, cause });
}

/** Bad input, found before anything is sent. The message becomes `field: message`. @internal */
export function invalid(field: string, message: string, cause?: unknown): ValidationError {
  const details = { code: ErrorCode.invalidArgument, grpcCode: 3, retryable: false, context: { field }, cause };
  return make(ValidationError, `${field}: ${message}`, details);
}

/** Whether an error was made here and is on its way to the user. @internal */
export function isOurs(error: unknown): boolean {
  return ours.has(error as object);
}

/** The stack of a call of a public method. @internal */
export interface CallSite {
  readonly stack?: unknown;
}

/**
 * Where the user called `method`. Taken before anything is awaited: what comes later is run by the event loop, whose stack does not
 * lead to the caller. @internal
 */
export function callSite(method: (...input: never[]) => unknown): CallSite {
  const { captureStackTrace } = Error as { captureStackTrace?: (target: object, above: unknown) => void };
  if (!captureStackTrace) return new Error();
  const site = {};
  captureStackTrace(site, method);
  return site;
}

/** Gives an error that was made here the stack of the user's call; the error, for throwing. @internal */
export function blame(error: unknown, { stack }: CallSite): unknown {
  // Some engines begin a stack with what was thrown, others do not.
  if (ours.delete(error as object) && typeof stack === "string") {
    const value = stack.replace(/^(Error|\[object Object\])(?=\n|$)/, () => String(error));
    Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
  }
  return error;
}

/** What is right, but not now. @internal */
export function precondition(message: string): ValidationError {
  return make(ValidationError, message, { code: ErrorCode.preconditionFailed, grpcCode: 9, retryable: false });
}

/** What anything that was thrown says. @internal */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    // An object that is no text either.
    return "an unknown error";
  }
}
