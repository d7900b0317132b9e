/**
 * Node's HTTP server with time limits for slow peers. All times are in milliseconds.
 *
 * The limits do not cover a socket after the upgrade. The live hub disconnects those.
 *
 * Guarantees (node-http.slow-senders.test.ts, node-http.slow-peers.test.ts):
 * - The headers and the body of a request have a time limit. Node ends the connection a few seconds after it.
 * - A response has no limit as a whole, but a connection ends if no byte moves for `idleMs`.
 */
import { createServer, type RequestListener, type Server } from "node:http";

export type HttpTimes = {
  /** Time for the headers of a request. */
  readonly headersMs: number;
  /** Time for a whole request, headers and body. The largest commit needs most of it at 1 kB/s. */
  readonly requestMs: number;
  /** A connection ends after this time without a byte in either direction. No response takes longer to compute. */
  readonly idleMs: number;
  /** Time between two of Node's checks for requests that exceed their time. */
  readonly checkMs: number;
};

export const HTTP_TIMES: HttpTimes = { headersMs: 10_000, requestMs: 300_000, idleMs: 60_000, checkMs: 2_000 };

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
