/**
 * Every error response of the server: one table from the error code to its status, retry and message.
 *
 * Guarantees:
 * - A route refuses with `throw new HttpRefusal(code)`. A failure of the store becomes `unavailable` or `storage-full`,
 *   as for a push. Any other error becomes `unexpected`.
 * - A response names the fault of the request. It contains nothing of other actors, and of the request only the wrong
 *   actor of a commit or the wrong name of a read model (sync-server.no-secrets-in-logs.test.ts).
 */
import type { Retry } from "../../core/values/error-codes.ts";
import { DacapoError } from "../../core/values/errors.ts";

type ErrorKind = { readonly status: number; readonly retry: Retry; readonly message: string };

const KINDS = {
  "bad-request": {
    status: 400,
    retry: "never",
    message: "The request does not follow the protocol. Check it against the protocol of this server's version.",
  },
  unauthorized: { status: 401, retry: "after-fix", message: "The token is missing or invalid. Send a valid token." },
  forbidden: {
    status: 403,
    retry: "never",
    message: "This account has no right to do this. Request the right from the operator.",
  },
  "actor-mismatch": {
    status: 403,
    retry: "never",
    message: "A commit has another actor than the sender. Push each commit with its own actor's token.",
  },
  "origin-refused": {
    status: 403,
    retry: "never",
    message: "Pages of this origin may not use this server. Add the origin to the server's `origins`.",
  },
  "not-found": { status: 404, retry: "never", message: "This address does not exist. Check the method and the path." },
  diverged: {
    status: 409,
    retry: "after-fix",
    message: "The log does not contain this cursor, so its history is another one. Read the log from its beginning.",
  },
  concurrency: {
    status: 409,
    retry: "after-fix",
    message: "The log is in another state than this request needs. Read its state, then try again.",
  },
  "other-server": {
    status: 409,
    retry: "after-fix",
    message: "This is another server than the one that the request names. The app decides whether to join it.",
  },
  gone: { status: 410, retry: "never", message: "The log was deleted for good. Use another name." },
  "push-too-large": { status: 413, retry: "after-fix", message: "The push is too large. Send fewer commits at once." },
  "unsupported-media-type": {
    status: 415,
    retry: "never",
    message: "The body is not JSON. Send content-type application/json, plain or in gzip.",
  },
  "upgrade-required": {
    status: 426,
    retry: "never",
    message: "This address accepts WebSockets only. Open a WebSocket.",
  },
  "rate-limited": { status: 429, retry: "later", message: "Too many requests or commits. Wait, then try again." },
  unexpected: { status: 500, retry: "later", message: "The server failed. Try again later." },
  unavailable: { status: 503, retry: "later", message: "The server cannot answer now. Try again later." },
  overloaded: { status: 503, retry: "later", message: "The server has too much work waiting. Wait, then try again." },
  "rows-behind": {
    status: 503,
    retry: "later",
    message: "The rows have not reached this cursor yet. Read them again later.",
  },
  "rows-building": { status: 503, retry: "later", message: "The rows are being built. Read them again later." },
  "rows-not-populated": {
    status: 503,
    retry: "later",
    message: "The rows were purged. The operator populates them again.",
  },
  restarting: { status: 503, retry: "later", message: "The server is restarting. Try again soon." },
  "storage-full": { status: 507, retry: "later", message: "The server's storage is full. Try again later." },
} as const satisfies { readonly [code: string]: ErrorKind };

export type ErrorCode = keyof typeof KINDS;

export type RefusalFacts = {
  readonly message?: string;
  readonly retryAfterMs?: number;
  /** The verified sender, for the operator's log. No response contains it. */
  readonly actor?: string;
};

/** A refusal of a request. A route throws it, and the app turns it into an error response. */
export class HttpRefusal extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly actor: string | undefined;
  constructor(code: ErrorCode, { message = KINDS[code].message, retryAfterMs, actor }: RefusalFacts = {}) {
    super(message);
    this.code = code;
    this.status = KINDS[code].status;
    this.actor = actor;
    this.retryAfterMs = retryAfterMs ?? (KINDS[code].status === 503 ? 1_000 : null);
  }
}

/** The response for an error that a route threw. */
export function errorResponse(error: unknown): Response {
  const refusal = error instanceof HttpRefusal ? error : new HttpRefusal(codeOfFailure(error));
  const { code, message, retryAfterMs } = refusal;
  const { status, retry } = KINDS[code];
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (status === 401) headers.set("www-authenticate", "Bearer");
  if (status === 426) headers.set("upgrade", "websocket");
  if (retryAfterMs !== null) headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  const body = { error: { code, message, retry, ...(retryAfterMs !== null && { retryAfterMs }) } };
  return new Response(JSON.stringify(body), { status, headers });
}

function codeOfFailure(error: unknown): ErrorCode {
  const { code } = error instanceof DacapoError ? error : {};
  return code === "storage-full" ? code : code === "storage-lost" ? "unavailable" : "unexpected";
}
