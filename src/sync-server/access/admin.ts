/** The right of an operator over HTTP: to see and to change read models and subscribers of a log. */
import type { Principal } from "./authorize.ts";

/** The verbs that the routes of an operator have. */
export const ADMIN_VERBS = {
  models: ["rebuild", "populate", "verify", "purge", "delete", "retry", "pause", "resume", "cancel"],
  subscribers: ["pause", "resume", "retry", "skip", "reset"],
} as const;

/** The kinds of things that an operator changes. */
export type AdminKind = keyof typeof ADMIN_VERBS;
/** A verb that changes a read model or its job. */
export type ModelVerb = (typeof ADMIN_VERBS)["models"][number];
/** A verb that changes the place of a subscriber. */
export type SubscriberVerb = (typeof ADMIN_VERBS)["subscribers"][number];

/**
 * The action that an operator requests. `list`, `read` and `parked` change nothing. `model` or `subscriber` is missing
 * in a list.
 */
export type AdminRequest = {
  /** The log's name. */
  readonly log: string;
  /** The action. */
  readonly verb: "list" | "read" | "parked" | ModelVerb | SubscriberVerb;
  /** The name of the read model. */
  readonly model?: string;
  /** The name of the subscriber. */
  readonly subscriber?: string;
};

/**
 * Returns true if a principal may do an action of an operator. False or no result refuses it. `permit` is not called.
 *
 * @example
 * const admin: Admin = (principal, { verb }) => principal.role === "operator" && verb !== "delete";
 */
export type Admin = (principal: Principal, request: AdminRequest) => boolean | Promise<boolean>;

/** The place that a path of an operator names. `last` is a verb, `parked`, or missing. */
export type AdminPlace = { readonly kind: AdminKind; readonly name?: string; readonly last?: string };

const PATH = /^\/(models|subscribers)(?:\/([^/]+))?(?:\/([^/]+))?$/;

/** Returns the place of a path behind `/logs/<log>`, or null. */
export function adminPlace(path: string): AdminPlace | null {
  const [, kind, name, last] = PATH.exec(path) ?? [];
  if (kind !== "models" && kind !== "subscribers") return null;
  try {
    return { kind, ...(name !== undefined && { name: decodeURIComponent(name) }), ...(last !== undefined && { last }) };
  } catch {
    return null;
  }
}

/** Returns the action of a request, or null if its place and method are none. */
export function adminRequest(method: string, log: string, { kind, name, last }: AdminPlace): AdminRequest | null {
  const isRead = method === "GET" || method === "HEAD";
  if (name === undefined) return isRead ? { log, verb: "list" } : null;
  const target = kind === "models" ? { log, model: name } : { log, subscriber: name };
  if (isRead && last === undefined) return { ...target, verb: "read" };
  if (isRead) return last === "parked" ? { ...target, verb: "parked" } : null;
  const verb = method === "POST" ? ADMIN_VERBS[kind].find((one) => one === last) : undefined;
  return verb === undefined ? null : { ...target, verb };
}
