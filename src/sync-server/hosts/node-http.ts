/**
 * Node's HTTP server with times for everything that its peers may draw out.
 *
 * Place: under `serve`. Sockets that were upgraded are the live hub's to end.
 * Holds: headers, bodies and answers that nobody takes have their time, and what is over it is ended within seconds.
 */
import { createServer, type RequestListener, type Server } from "node:http";

export type HttpTimes = {
  readonly headersMs: number;
  /** For a whole request, headers and body. */
  readonly requestMs: number;
  /** Nothing came and nothing was taken for so long. Longer than any answer may take to make. */
  readonly idleMs: number;
  /** How often Node looks for requests that are over their time. */
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
