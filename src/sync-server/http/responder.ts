/**
 * Turns the result of a route into a response: the origin check before it, the headers, and the error response.
 *
 * Guarantees:
 * - Every response but a page of a base has `cache-control: no-store` (P23, sync-server.security-page.test.ts).
 * - An error that is not an HttpRefusal goes to the operator. The client sees only `unexpected`.
 * - A request that names another server is refused before its rights and its body are read (P28).
 * - After `close` every request is refused as `restarting`.
 */
import { type Env, wait } from "../base/env.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import type { Observer } from "../base/observer.ts";
import type { OriginRule } from "./origins.ts";
import type { ResponseBody } from "./metered-response.ts";
import type { Exchange } from "./raw-exchange.ts";
import { SERVER_HEADER } from "../../core/wire/messages.ts";

export type Responder = {
  readonly respond: (
    request: Request,
    route: () => Promise<ResponseBody>,
    how?: {
      readonly contentType?: string;
      readonly exchange?: Exchange | null;
      /** The header of an answer that is no refusal. @default no-store */
      readonly cacheControl?: string;
      /** The log's name in the path, for the entry of a refusal. */
      readonly log?: string;
      /** The answer names the server, and a request that names another one is refused. */
      readonly serverId?: () => Promise<string>;
    },
  ) => Promise<Response>;
  /** Waits until no request is running, but only for a bounded time. Refuses every request after that. */
  readonly close: () => Promise<void>;
};

/** Milliseconds that running requests have when the server closes. */
const CLOSE_MS_MAX = 2_000;
const CLOSE_STEP_MS = 10;

export function createResponder({
  origins,
  env,
  report,
  observer,
}: {
  readonly origins: OriginRule;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly observer: Observer;
}): Responder {
  let running = 0;
  let closed = false;
  return {
    respond: async (
      request,
      route,
      { contentType = "application/json", exchange = null, cacheControl = "no-store", serverId, log } = {},
    ) => {
      let ownHeaders: Readonly<Record<string, string>> = {};
      running++;
      try {
        if (closed) throw new HttpRefusal("restarting");
        ownHeaders = origins.check(request);
        if (serverId) {
          const id = await serverId();
          ownHeaders = { ...ownHeaders, [SERVER_HEADER]: id };
          requireServer(request, id);
        }
        const answer = await route();
        const isPacked = typeof answer === "object" && "gzip" in answer;
        const body = isPacked ? answer.gzip : answer;
        // A HEAD response has no body, so nothing would read the stream and release its share of memory.
        if (request.method === "HEAD" && body instanceof ReadableStream) await body.cancel();
        const headers = {
          "content-type": contentType,
          "cache-control": cacheControl,
          ...(isPacked && { "content-encoding": "gzip" }),
          ...ownHeaders,
        };
        if (exchange && typeof body === "string") return exchange.answer(body, headers);
        // Otherwise Workers would compress the packed body again. Other runtimes ignore the field.
        const encodeBody: "manual" | "automatic" = isPacked ? "manual" : "automatic";
        const init = { headers, encodeBody };
        return new Response(request.method === "HEAD" ? null : body, init);
      } catch (error) {
        if (!(error instanceof HttpRefusal)) report(error);
        observer.refused(error, log);
        const response = errorResponse(error);
        for (const [name, value] of Object.entries(ownHeaders)) response.headers.set(name, value);
        return response;
      } finally {
        running--;
      }
    },
    close: async () => {
      for (let waitedMs = 0; running > 0 && waitedMs < CLOSE_MS_MAX; waitedMs += CLOSE_STEP_MS)
        await wait(env, CLOSE_STEP_MS);
      closed = true;
    },
  };
}

function requireServer({ url }: Request, id: string): void {
  const expected = url.includes("server=") ? new URL(url).searchParams.get("server") : null;
  if (expected !== null && expected !== id) throw new HttpRefusal("other-server");
}
