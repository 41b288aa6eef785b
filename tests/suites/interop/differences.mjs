// Where the SDKs are meant to differ. Every other difference fails the suite, and so does an entry that no longer applies.

import { ABSENT } from "./outcome.mjs";

/** What our `Message` leaves out: the founding page shows a chat's latest message, and these are not needed to show it. */
const UNDOCUMENTED = new Set([
  "appliedReactions",
  "attachments",
  "cachedRoomNames",
  "chatActionType",
  "dataDetectorResultsPresent",
  "didNotifyRecipient",
  "formatting",
  "isArchived",
  "isAudioMessage",
  "isAutoReply",
  "isCorrupt",
  "isDelayed",
  "isDelivered",
  "isDeliveredQuietly",
  "isExpirable",
  "isForward",
  "isSent",
  "isServiceMessage",
  "isSpam",
  "isSystemMessage",
  "itemType",
  "mentions",
  "placedStickers",
  "sendErrorCode",
]);

const last = (path) => path.split(".").at(-1);
const inMessage = (path) => /(^|\.)(initialMessage|lastMessage|message)\./.test(path);
/** An error that the SDK made up itself, without asking the server. */
const isLocal = (error) => error.source === undefined && error.requestId === undefined;

const percentEncoded = (text) => text.replace(/[^\x20-\x7e]+|%/gu, encodeURIComponent);

/**
 * The differences, each with what it is and why. `is` is asked with the place (`path`), both values there, both whole outcomes
 * (`their`, `our`), and the SDK compared with.
 */
export const DIFFERENCES = [
  {
    what: "Times are RFC 3339 strings; theirs are `Date` objects.",
    why: "The founding page documents a string, and a string survives JSON, `structuredClone` and a database unchanged.",
    is: ({ theirs, ours }) => theirs instanceof Date && typeof ours === "string" && theirs.getTime() === Date.parse(ours),
  },
  {
    what: "What is absent is an absent key; theirs is often a key with the value `undefined`.",
    why: "The page says absent. `\"initialMessage\" in result` then tells the truth.",
    is: ({ theirs, ours, path }) => theirs === undefined && ours === ABSENT && path.startsWith("value"),
  },
  {
    what: "A second loop over a stream ends with a `ValidationError` of code `preconditionFailed`; theirs with a plain `Error`.",
    why: "Every failure is an `IMessageError`, so one `catch` can tell them apart by class and code.",
    is: ({ path, their, our }) => path.startsWith("error.") && their.error?.class === "Error" && our.error?.code === "preconditionFailed",
  },
  {
    what: "A message of an answer has the fields that showing a chat needs; theirs has all of the wire's, most of them empty.",
    why: "Chats show a message, they do not manage it. What is not documented is not promised.",
    is: ({ theirs, ours, path }) => ours === ABSENT && theirs !== undefined && inMessage(path) && UNDOCUMENTED.has(last(path)),
  },
  {
    what: "Bad input that can be seen here is refused before the network, under the name the caller knows it by; theirs goes to the server.",
    why: "It costs no round trip, and the field is the option's (`message`, `effect`, `after`), not the wire's (`initialMessage.text`).",
    is: ({ path, their, our }) =>
      our.error?.code === "invalidArgument" &&
      isLocal(our.error) &&
      their.error?.class === "ValidationError" &&
      (!isLocal(their.error) || Object.hasOwn(their.error.context, "field")) &&
      /^error\.(source|requestId|message|context\.(value|field))$/.test(path) &&
      (path !== "error.context.field" || ["message", "effect", "after"].includes(our.error.context.field)),
  },
  {
    what: "The wording of errors that no server wrote.",
    why: "Text is for people; programs have `code` and `context`, which agree.",
    is: ({ path, their, our }) => path === "error.message" && our.error && their.error && isLocal(our.error) && isLocal(their.error),
  },
  {
    what: "A connection that could not be made, or broke, is `retryable` and has the code `networkError`; theirs is not retryable, and over gRPC an `internalError`.",
    why: "The same call may succeed later, unchanged, which is what `retryable` means.",
    is: ({ path, our }) =>
      our.error?.class === "ConnectionError" &&
      isLocal(our.error) &&
      (path === "error.retryable" || (path === "error.code" && our.error.code === "networkError")),
  },
  {
    what: "A call that took too long is a `ConnectionError`, `timeout`; theirs over gRPC is an `IMessageError`, `internalError`.",
    why: "The page has a class for it, and theirs uses it over HTTP.",
    is: ({ path, our, sdk }) =>
      sdk === "grpc" && our.error?.code === "timeout" && isLocal(our.error) && /^error\.(class|name|code|grpcCode)$/.test(path),
  },
  {
    what: "Errors of the server have `source` and `requestId`; theirs over gRPC have neither.",
    why: "Our calls go over HTTP, where the server tells.",
    is: ({ path, theirs, sdk }) => sdk === "grpc" && theirs === undefined && /^error\.(source|requestId)$/.test(path),
  },
  {
    what: "The names in an error's `context` are as the server writes them; over gRPC they arrive in small letters.",
    why: "They travel as names of HTTP/2 headers there, which have no others.",
    is: ({ path, their, our, sdk }) => {
      const [scope, part, name] = path.split(".");
      if (sdk !== "grpc" || scope !== "error" || part !== "context" || name === undefined) return false;
      const key = Object.keys(our.error?.context ?? {}).find((key) => key.toLowerCase() === name.toLowerCase());
      return key !== undefined && key !== name.toLowerCase() && their.error?.context[key.toLowerCase()] === our.error.context[key];
    },
  },
  {
    what: "What stands in an error's `context` is text as it was written; over gRPC what is not ASCII arrives percent-encoded.",
    why: "It travels in HTTP/2 headers there, and their SDK does not decode it.",
    is: ({ path, theirs, ours, sdk }) =>
      sdk === "grpc" && path.startsWith("error.context.") && typeof ours === "string" && theirs === percentEncoded(ours),
  },
  {
    what: "A cursor that the log does not have is an `IMessageError` of its own; theirs over gRPC is a `ValidationError` with the same code.",
    why: "Nothing in the request is wrong. Over gRPC it has a status on which bots of theirs drop the cursor they saved, and go on.",
    is: ({ path, their, our, sdk }) =>
      sdk === "grpc" &&
      ["cursorAhead", "cursorTooOld", "logChanged"].includes(our.error?.code) &&
      their.error?.code === our.error.code &&
      /^error\.(class|name|grpcCode)$/.test(path),
  },
  {
    what: "What a proxy answered in the server's place says so, with the status in `context.httpStatus`; a 401 is `unauthenticated` and a 403 `unauthorized`, where theirs is `internalError`.",
    why: "The status is all that is known, and a page can ask for a new token when it sees one of these.",
    is: ({ path, our }) =>
      our.error?.source === "intermediary" &&
      (/^error\.(message|context\.httpStatus)$/.test(path) ||
        (path === "error.code" && ["unauthenticated", "unauthorized"].includes(our.error.code))),
  },
];

/** The entry that explains a difference, or nothing. */
export const explanation = (difference) => DIFFERENCES.find((entry) => entry.is(difference));
