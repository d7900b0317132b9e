/**
 * The gate of the edge server: the Worker answers everything that needs no log, and wakes an object for the rest.
 *
 * Guarantees (cloudflare.guard.test.ts):
 * - A request with a wrong path, name, origin, token or ticket, or without the right to read, reaches no object. So
 *   nobody without rights can make an object.
 * - The Worker reads a push before it wakes the object. Otherwise the runtime logs an error for each body that the
 *   object leaves unread (edge.test.ts).
 * - A refusal has the same text and headers as that of a server on Node.
 */
import { runtimeEnv } from "../base/env.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import type { Admission } from "../access/admission.ts";
import type { Principal } from "../access/authorize.ts";
import { SECRET_LENGTH_MIN } from "../access/require-options.ts";
import type { Tickets } from "../access/tickets.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import type { Observer } from "../base/observer.ts";
import { hasBody } from "../http/admin-routes.ts";
import type { OriginRule } from "../http/origins.ts";
import { readJsonText } from "../http/read-body.ts";
import { postTicket } from "../http/routes.ts";
import { isUnexpected, type LogObjects, refusalOf } from "./log-objects.ts";
import { type SyncTarget, syncTarget } from "./sync-target.ts";
import { withPrincipal } from "./verified-principal.ts";

export type WorkerGateOptions = {
  readonly prefix: string;
  readonly objects: LogObjects;
  readonly secretName: string;
  readonly origins: OriginRule;
  readonly admission: Admission;
  /** Memory of the pushes while they are read. */
  readonly reading: MemoryBudget;
  readonly pushBytesMax: number;
  readonly createTickets: (secret: string) => Tickets;
  readonly report: (error: unknown) => void;
  readonly observer: Observer;
};

type LogTarget = Extract<SyncTarget, { readonly log: string }>;

export class WorkerGate {
  readonly #options: WorkerGateOptions;
  #tickets: { readonly secret: string; readonly tickets: Tickets } | null = null;

  constructor(options: WorkerGateOptions) {
    this.#options = options;
  }

  async answer(request: Request, env: object): Promise<Response> {
    const { origins, report, observer, prefix } = this.#options;
    let log: string | undefined;
    let corsHeaders: Readonly<Record<string, string>> = {};
    try {
      const { pathname } = new URL(request.url);
      if (request.method === "OPTIONS" && pathname.startsWith(`${prefix}/logs/`)) return origins.preflight(request);
      corsHeaders = origins.check(request);
      const target = syncTarget(request.method, pathname, prefix);
      if (target !== null && "log" in target) log = target.log;
      const body = target === null ? refuseRoute() : await this.#answerTarget(request, env, target);
      if (body instanceof Response) return body;
      const headers = { "content-type": "application/json", "cache-control": "no-store", ...corsHeaders };
      return new Response(request.method === "HEAD" ? null : body, { headers });
    } catch (error) {
      if (!(error instanceof HttpRefusal)) report(error);
      observer.refused(error, log);
      const response = errorResponse(error);
      for (const [name, value] of Object.entries(corsHeaders)) response.headers.set(name, value);
      return response;
    }
  }

  async #answerTarget(request: Request, env: object, target: SyncTarget): Promise<string | Response> {
    if (target.kind === "health") return `{"status":"ok"}`;
    if (target.kind === "readiness") return this.#readiness(env);
    if (target.kind === "no-route") return refuseRoute();
    if (target.kind === "live") return this.#openLive(request, env, target);
    const { admission } = this.#options;
    if (target.kind === "ticket")
      return postTicket({ admission, tickets: this.#ticketsOf(env), env: runtimeEnv }, request, target.log);
    const principal =
      target.kind === "admin"
        ? await admission.operator(request, target.right)
        : await admission.reader(request, target.log);
    const isRead = request.method === "POST" && (target.kind !== "admin" || hasBody(request));
    const body = isRead ? await this.#readPush(request, principal) : null;
    return this.#forward(env, target, withPrincipal(request, principal, body));
  }

  async #openLive(request: Request, env: object, target: LogTarget): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") throw new HttpRefusal("upgrade-required");
    if (!LOG_NAME.test(target.log)) throw new HttpRefusal("bad-request");
    const ticket = new URL(request.url).searchParams.get("ticket") ?? "";
    const principal = await this.#ticketsOf(env).check(target.log, ticket);
    if (!principal)
      throw new HttpRefusal("unauthorized", { message: "The ticket is missing or expired. Fetch a new ticket." });
    await this.#options.admission.checkReader(principal, target.log);
    return this.#forward(env, target, withPrincipal(request, null, null));
  }

  async #readPush(request: Request, { actor }: Principal): Promise<string> {
    const { reading, pushBytesMax } = this.#options;
    return (await readJsonText(request, null, pushBytesMax, reading.of(actor), runtimeEnv.nextTurn)).text;
  }

  async #forward(env: object, { log }: LogTarget, request: Request): Promise<Response> {
    const { objects, report } = this.#options;
    const stub = objects.stub(env, log);
    try {
      return await stub.fetch(request);
    } catch (error) {
      if (isUnexpected(error)) report(error);
      throw refusalOf(error);
    }
  }

  #readiness(env: object): string {
    try {
      this.#options.objects.stub(env, "readyz");
      this.#ticketsOf(env);
    } catch (error) {
      this.#options.report(error);
      throw new HttpRefusal("unavailable");
    }
    return `{"status":"ready"}`;
  }

  #ticketsOf(env: object): Tickets {
    const secret = secretOf(env, this.#options.secretName);
    if (this.#tickets?.secret !== secret) this.#tickets = { secret, tickets: this.#options.createTickets(secret) };
    return this.#tickets.tickets;
  }
}

/** The secret that seals tickets. The Worker and all objects read the same one. */
export function secretOf(env: object, name: string): string {
  const secret: unknown = Reflect.get(env, name);
  if (typeof secret === "string" && secret.trim().length >= SECRET_LENGTH_MIN) return secret;
  const problem =
    secret === undefined
      ? "is missing"
      : typeof secret === "string"
        ? `is shorter than ${SECRET_LENGTH_MIN} characters`
        : "is not a text";
  throw new DefinitionError({
    message: `The Worker's secret ${name} ${problem}`,
    fix: `Run \`openssl rand -base64 32 | npx wrangler secret put ${name}\`, or put it into .dev.vars for local use.`,
  });
}

function refuseRoute(): never {
  throw new HttpRefusal("not-found");
}
