import { buildError, type IMessageError } from "./errors.js";

/** The number and the class (its place in `CLASSES` of errors.ts) of each gRPC status, by the name that a failed answer has as its `code`. */
const STATUS: Readonly<Record<string, readonly [number: number, category: number]>> = {
  cancelled: [1, 0],
  unknown: [2, 0],
  invalid_argument: [3, 4],
  deadline_exceeded: [4, 5],
  not_found: [5, 2],
  already_exists: [6, 0],
  permission_denied: [7, 1],
  resource_exhausted: [8, 3],
  failed_precondition: [9, 4],
  aborted: [10, 0],
  out_of_range: [11, 0],
  unimplemented: [12, 0],
  internal: [13, 0],
  unavailable: [14, 5],
  data_loss: [15, 0],
  unauthenticated: [16, 1],
};

/** The error that a failed answer of REST or of the control plane is. @internal */
export function failureOf(status: number, body: unknown): IMessageError {
  const { code, errorCode, message, retryable, context, retryAfterMs, source, requestId } = Object(body) as Record<string, unknown>;
  const [grpcCode, category] = STATUS[String(code)] ?? [2, 0];
  return buildError(
    category,
    typeof message === "string" ? message : `the answer has the status ${status}, and does not say why`,
    {
      code: typeof errorCode === "string" ? errorCode : "internalError",
      grpcCode,
      retryable: retryable === true,
      context: { ...Object(context) } as Record<string, string>,
      retryAfter: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
      source: typeof source === "string" ? source : undefined,
      requestId: typeof requestId === "string" ? requestId : undefined,
    },
    undefined,
  );
}
