/**
 * Node's HTTP server, with a time limit for everything that a peer may delay. All times are in milliseconds.
 *
 * The live hub ends upgraded sockets.
 *
 * Guarantees: headers, bodies and responses that a peer does not read have a time limit. Node ends a connection within
 * seconds after it (node-http.slow-senders.test.ts, node-http.slow-peers.test.ts).
 */
import { createServer, type RequestListener, type Server } from "node:http";

export type HttpTimes = {
  /** Time for the headers of a request. */
  readonly headersMs: number;
  /** Time for a whole request, headers and body. */
  readonly requestMs: number;
  /** Time in which the peer neither sends nor reads anything. It is longer than any response takes to compute. */
  readonly idleMs: number;
  /** Time between two of Node's checks for requests that exceed their time. */
  readonly checkMs: number;
};

export const HTTP_TIMES: HttpTimes = { headersMs: 10_000, requestMs: 30_000, idleMs: 60_000, checkMs: 2_000 };

export function httpServer(
  listener: RequestListener,
  { headersMs, requestMs, idleMs, checkMs }: HttpTimes = HTTP_TIMES,
): Server {
  const http = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs },
    listener,
  );
  http.timeout = idleMs;
  return http;
}
