/**
 * The sync server over HTTP and a WebSocket.
 *
 * Guarantees:
 * - A call ends when nothing arrives for a time limit, or its answer exceeds a size limit (T1).
 * - Every answer is checked before it is returned, so a hostile server cannot crash or pollute the client
 *   (test/unit/client/sync/sync.hostile-server.test.ts).
 * - The bearer token is in a header, never in a URL. A socket is opened with a one-use ticket
 *   (test/unit/client/sync/http-transport.secrets.test.ts).
 * - Each request names the known server, and an answer of another server is not used
 *   (test/unit/client/sync/server-identity.test.ts).
 * - Only the sync server's own error stops syncing. An error of a proxy or a portal passes
 *   (test/unit/client/sync/http-transport.foreign-responses.test.ts).
 * - A failure of the app's own function names the function if the server answers, and the loop continues to try
 *   (test/unit/client/sync/http-transport.app-functions.test.ts).
 * - A gateway's page to sign in is shown as `unauthorized`, and the loop continues to try
 *   (test/unit/client/sync/sign-in-page.test.ts).
 */
import type { Parsed } from "../../core/values/parsed.ts";
import { shortText } from "../../core/values/reason.ts";
import { DacapoError, ForbiddenError, ProtocolError, UnauthorizedError } from "../../core/values/errors.ts";
import {
  type LogInfo,
  type Page,
  type PushAnswer,
  SERVER_HEADER,
  SERVER_ID,
  wireCursor,
  type WireError,
} from "../../core/wire/messages.ts";
import {
  parseBaseHeader,
  parseLogInfo,
  parsePage,
  parsePushAnswer,
  parseTicket,
  parseWireError,
} from "../../core/wire/read-messages.ts";
import { encodeCursor } from "../../core/history/record.ts";
import type { Env } from "../env/env.ts";
import { valueOfApp } from "./app-function.ts";
import { boundedText } from "./bounded-text.ts";
import { ClientWebSocket } from "./client-socket.ts";
import type { ServerIdentity } from "./server-identity.ts";
import type { CallOptions, Fetched, Transport } from "./transport.ts";
import { isRedirect, isWebPage, SignInPageError } from "./sign-in-page.ts";
import { UnreachableError } from "./unreachable-error.ts";
import type { LogName } from "../../core/values/ids.ts";

/** A call fails if nothing arrives for this long. It is safe to make it again. */
const SILENCE_MS_MAX = 30_000;
/** The most that a large body gets. The largest commit takes that long at 1 kB/s, and servers wait no longer. */
const SENDING_MS_MAX = 300_000;
/** A smaller body gains nothing by compression. */
const GZIP_BYTES_MIN = 1024;
/** Characters of a foreign answer that `status.stuck` shows. */
const TEXT_SHOWN_MAX = 200;
/** Request timeout, too early, too many requests. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

export type HttpTransportOptions = {
  /** Address of the sync server, such as `https://example.org/sync`. */
  readonly url: string;
  readonly log: LogName;
  /** Called before each call; null: no token. */
  readonly token: () => Promise<string | null>;
  /** Headers of the app, called before each call. They never replace the headers that Dacapo sets. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  /** Cookies of the requests. Undefined: none. */
  readonly credentials?: RequestCredentials | undefined;
  readonly env: Env;
  /** Null: the answers of every server are accepted. @default null */
  readonly server?: ServerIdentity | null;
};

export function httpTransport(options: HttpTransportOptions): Transport {
  const base = `${options.url.replace(/\/+$/, "")}/logs/${encodeURIComponent(options.log)}`;
  return {
    async push(after, domain, commits, how): Promise<Fetched<PushAnswer>> {
      const body = JSON.stringify({ after: wireCursor(after), domain, bytes: how?.pageBytes, commits });
      return fetched(parsePushAnswer, await call(options, `${base}/commits`, body, how), "answer to a push");
    },
    async pull(after, limit, how): Promise<Fetched<Page>> {
      const query = new URLSearchParams({
        ...(after && { after: encodeCursor(after) }),
        ...(limit !== null && { limit: String(limit) }),
        ...(how && { bytes: String(how.pageBytes) }),
      });
      return fetched(parsePage, await call(options, `${base}/records?${query}`, null, how), "page of records");
    },
    async info(): Promise<Fetched<LogInfo>> {
      return fetched(parseLogInfo, await call(options, base, null), "info of the log");
    },
    async base() {
      const response = await call(options, `${base}/base`, null);
      return response.status === 404 ? null : fetched(parseBaseHeader, response, "header of a base");
    },
    async basePage(cursor, n) {
      const response = await call(options, `${base}/base/${encodeCursor(cursor)}/${n}`, null);
      return response.status === 404 ? null : text(response);
    },
    live: (after, events) =>
      new ClientWebSocket({
        env: options.env,
        events,
        token: options.token,
        async address() {
          const { ticket, tokenExpiresInMs } = checkedTicket(await text(await call(options, `${base}/tickets`, "{}")));
          const query = new URLSearchParams({ ...(after && { after: encodeCursor(after) }), ticket });
          return { url: `${base.replace(/^http/, "ws")}/live?${query}`, tokenExpiresInMs };
        },
      }),
  };
}

/** One call of the server, whose id is checked. */
async function call(
  options: HttpTransportOptions,
  url: string,
  text: string | null,
  how?: CallOptions,
): Promise<Response> {
  const known = (await options.server?.known()) ?? null;
  const query = known === null ? "" : `${url.includes("?") ? "&" : "?"}server=${known}`;
  const response = await callAny(options, url + query, text, how);
  const id = response.headers.get(SERVER_HEADER);
  // A refusal is no reason to join a server. A server that is joined already is checked in each answer.
  if (id !== null && id !== known && SERVER_ID.test(id) && (response.ok || known !== null))
    await options.server?.check(id);
  return response;
}

async function callAny(
  { token, headers: appHeaders, credentials = "omit", env }: HttpTransportOptions,
  url: string,
  text: string | null,
  how?: CallOptions,
): Promise<Response> {
  const ended = new AbortController();
  let stopTimer = () => {};
  const expect = (ms: number) => {
    stopTimer();
    stopTimer = env.setTimer(() => ended.abort(), ms);
  };
  try {
    const packed = how?.gzip === true && text !== null && text.length >= GZIP_BYTES_MIN ? await gzip(text) : null;
    const body = packed ?? text;
    // No browser shows how much of a body has left. So a body that is larger than a usual one gets more time.
    const times = (packed?.size ?? text?.length ?? 0) / (how?.bodyBytes ?? Infinity);
    const sendingMs = Math.min(SENDING_MS_MAX, SILENCE_MS_MAX * Math.max(1, times));
    expect(sendingMs);
    const [bearer, extra] = await Promise.all([
      valueOfApp("sync.token", token, ended.signal),
      valueOfApp("sync.headers", async () => appHeaders?.(), ended.signal),
    ]).catch(async (error: unknown) => {
      // The function may only lack the network. If this fails too, the device is offline, which is no error.
      await fetch(url, {
        method: "HEAD",
        cache: "no-store",
        credentials,
        redirect: "manual",
        signal: AbortSignal.timeout(SILENCE_MS_MAX),
      });
      throw error;
    });
    const headers = new Headers(extra);
    if (bearer !== null) headers.set("authorization", `Bearer ${bearer}`);
    if (body !== null) headers.set("content-type", "application/json");
    if (packed) headers.set("content-encoding", "gzip");
    const send = (redirect: RequestRedirect) =>
      fetch(url, {
        method: body === null ? "GET" : "POST",
        headers,
        body,
        cache: "no-store",
        credentials,
        redirect,
        signal: ended.signal,
      });
    let response = await send("manual");
    // A redirect may lead to the server's new address. A page to sign in is a web page, or forbids to be read.
    if (isRedirect(response)) {
      const { status } = response;
      expect(sendingMs);
      response = await send("follow").catch((error: unknown) => {
        throw ended.signal.aborted ? error : new SignInPageError(status, error);
      });
    }
    if (isWebPage(response)) throw new SignInPageError(response.status);
    const received = (bytes: number) => {
      expect(SILENCE_MS_MAX);
      how?.received(bytes);
    };
    received(0);
    // Read the body within the time limit, because a server may stop in the middle of it.
    return new Response(await boundedText(response, received), {
      status: response.status === 204 ? 200 : response.status,
      headers: response.headers,
    });
  } catch (error) {
    if (error instanceof DacapoError) throw error;
    throw new UnreachableError(`The sync server at ${new URL(url).origin} did not answer`, null, error);
  } finally {
    stopTimer();
  }
}

/** Null: this platform cannot compress. */
async function gzip(text: string): Promise<Blob | null> {
  if (typeof CompressionStream === "undefined") return null;
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
}

async function fetched<T>(read: (body: string) => Parsed<T>, response: Response, what: string): Promise<Fetched<T>> {
  const body = await response.text();
  if (response.ok) return { kind: "answer", answer: checked(read, body, what), text: body };
  const error = parseWireError(body);
  if (error.ok && response.status === 409 && error.value.code === "diverged") return { kind: "diverged" };
  if (error.ok && response.status === 410 && error.value.code === "gone") return { kind: "gone" };
  throw refusal(response, body, error);
}

/** The body of a successful answer. Throws any other answer as an error. */
async function text(response: Response): Promise<string> {
  const body = await response.text();
  if (response.ok) return body;
  throw refusal(response, body, parseWireError(body));
}

/** An answer that is not in the protocol's form comes from something in between, and passes by itself. */
function refusal(response: Response, body: string, error: Parsed<WireError>): DacapoError {
  const { status } = response;
  // Ignore the body, because a proxy has its own limit and its own error text.
  if (status === 413)
    return new ProtocolError(
      {
        message: "A push is too large",
        fix: "Nothing to do: it is sent in smaller parts.",
        details: { code: "too-large" },
      },
      "later",
    );
  if (!error.ok && (status === 401 || status === 511)) return new SignInPageError(status);
  if (!error.ok)
    return new UnreachableError(
      `Something that is not the sync server answered with status ${status}`,
      retryAfterHeader(response),
      undefined,
      { status, text: shortText(body, TEXT_SHOWN_MAX) },
    );
  const { code, message, retry, retryAfterMs } = error.value;
  const says = `The sync server says: ${message}`;
  if (status >= 500 || RETRIED_STATUSES.has(status) || retry === "later")
    return new UnreachableError(says, retryAfterMs ?? retryAfterHeader(response), undefined, { status, code });
  switch (status) {
    case 401:
      return new UnauthorizedError({
        message: says,
        fix: "Sign in again. Work that was made meanwhile is kept, and is sent then.",
      });
    case 403:
      return new ForbiddenError({
        message: says,
        fix:
          code === "actor-mismatch"
            ? "Open the log with the user of the token. log.moveTo takes a guest's work along."
            : "Request the right to this log. Work that was made here is kept.",
        details: { code },
      });
    default:
      return new ProtocolError({
        message: says,
        fix: "Check the address and the version of the sync server.",
        details: { code, status },
      });
  }
}

function retryAfterHeader(response: Response): number | null {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
}

function checked<T>(read: (body: string) => Parsed<T>, body: string, what: string): T {
  const parsed = read(body);
  if (parsed.ok) return parsed.value;
  const { path, reason } = parsed.problem;
  throw new UnreachableError(`The sync server sent an invalid ${what}: ${path.join(".")} ${reason}`, null);
}

function checkedTicket(body: string): { readonly ticket: string; readonly tokenExpiresInMs: number | null } {
  const { ticket, tokenExpiresInMs = null } = checked(parseTicket, body, "ticket");
  return { ticket, tokenExpiresInMs };
}
