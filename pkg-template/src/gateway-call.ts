import { Buffer } from "node:buffer";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";

import { ConnectionError, ErrorCode, make, messageOf } from "./errors.js";
import { failureOf } from "./failure.js";

/**
 * A call of a gateway beside the client: by Node's own HTTP, so that a test may put anything in the place of `fetch`, or have none. Gives the
 * answer's JSON. @internal
 */
export function gatewayCall(address: string, token: string, path: string, body: object | undefined): Promise<unknown> {
  const url = new URL(path, address);
  const request = url.protocol === "https:" ? tlsRequest : plainRequest;
  const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      const why = `the emulator gave no answer: ${messageOf(cause)}`;
      reject(make(ConnectionError, why, { code: ErrorCode.networkError, grpcCode: 14, retryable: true, cause }));
    };
    const headers = {
      authorization: `Bearer ${token}`,
      ...(text && { "content-type": "application/json", "content-length": String(text.length) }),
    };
    // A connection of its own, which keeps no program alive and no gateway from ending.
    const sent = request(url, { method: text ? "POST" : "GET", headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.once("error", failed);
      response.once("end", () => {
        const status = response.statusCode ?? 0;
        try {
          const answer: unknown = JSON.parse(Buffer.concat(pieces).toString("utf8"));
          if (status >= 200 && status < 300) resolve(answer);
          else reject(failureOf(status, answer));
        } catch {
          reject(failureOf(status, undefined));
        }
      });
    });
    sent.once("error", failed);
    sent.end(text);
  });
}
