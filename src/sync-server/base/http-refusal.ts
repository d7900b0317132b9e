/**
 * Every error that the server answers with: one table from code to status, retry and words.
 *
 * Place: routes and sockets refuse with `refusal(code)`; whatever else is thrown becomes `unexpected`.
 * Holds: an answer tells what is wrong with the request and nothing of the server, of others, or of what was sent.
 */
import type { Retry } from "../../core/values/error-codes.ts";

type ErrorKind = { readonly status: number; readonly retry: Retry; readonly message: string };

const KINDS = {
  "bad-request": { status: 400, retry: "never", message: "The request does not follow the protocol" },
  unauthorized: { status: 401, retry: "after-fix", message: "Say who you are: a valid token is missing" },
  forbidden: { status: 403, retry: "never", message: "You may not do this here" },
  "actor-mismatch": { status: 403, retry: "never", message: "A commit is not by the one who sends it" },
  "origin-refused": { status: 403, retry: "never", message: "Pages of this origin may not talk to this server" },
  "not-found": { status: 404, retry: "never", message: "There is nothing here" },
  diverged: {
    status: 409,
    retry: "after-fix",
    message: "This log does not have your cursor: its history is another one",
  },
  gone: { status: 410, retry: "never", message: "This log was deleted for good" },
  "push-too-large": { status: 413, retry: "after-fix", message: "The push is too large: send fewer commits at once" },
  "unsupported-media-type": {
    status: 415,
    retry: "never",
    message: "Send plain JSON: content-type application/json, no content-encoding",
  },
  "upgrade-required": { status: 426, retry: "never", message: "This address speaks WebSocket" },
  "rate-limited": { status: 429, retry: "later", message: "Too much at once: wait a little" },
  unexpected: { status: 500, retry: "later", message: "The server failed" },
  unavailable: { status: 503, retry: "later", message: "The server cannot answer now" },
  overloaded: { status: 503, retry: "later", message: "Too much is waiting here: wait a little" },
  restarting: { status: 503, retry: "later", message: "The server is restarting" },
  "storage-full": { status: 507, retry: "later", message: "The server's storage is full" },
} as const satisfies { readonly [code: string]: ErrorKind };

export type ErrorCode = keyof typeof KINDS;

export type RefusalFacts = { readonly message?: string; readonly retryAfterMs?: number };

/** An answer that is not what was asked for. Thrown inside a route, answered at its edge. */
export class HttpRefusal extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | null;
  constructor(code: ErrorCode, { message = KINDS[code].message, retryAfterMs }: RefusalFacts = {}) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs ?? (KINDS[code].status === 503 ? 1_000 : null);
  }
}

/** The response for whatever a route threw. */
export function errorResponse(error: unknown): Response {
  const refusal = error instanceof HttpRefusal ? error : new HttpRefusal("unexpected");
  const { code, message, retryAfterMs } = refusal;
  const { status, retry } = KINDS[code];
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (status === 401) headers.set("www-authenticate", "Bearer");
  if (status === 426) headers.set("upgrade", "websocket");
  if (retryAfterMs !== null) headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  const body = { error: { code, message, retry, ...(retryAfterMs !== null && { retryAfterMs }) } };
  return new Response(JSON.stringify(body), { status, headers });
}
