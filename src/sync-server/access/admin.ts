/** The right of an operator over HTTP: to see and to change read models, subscribers and processes of a log. */
import type { Principal } from "./authorize.ts";

/** The verbs that the routes of an operator have. */
export const ADMIN_VERBS = {
  models: ["rebuild", "populate", "verify", "purge", "delete", "retry", "pause", "resume", "cancel"],
  subscribers: ["pause", "resume", "retry", "skip", "reset"],
  processes: ["pause", "resume", "retry", "skip", "reset"],
} as const;

/** The last parts of paths that only read. */
const READS = { models: ["parked"], subscribers: ["parked"], processes: ["parked", "commands"] } as const;

/** The kinds of things that an operator changes. */
export type AdminKind = keyof typeof ADMIN_VERBS;
/** A verb that changes a read model or its job. */
export type ModelVerb = (typeof ADMIN_VERBS)["models"][number];
/** A verb that changes the place of a subscriber or of a process manager. */
export type SubscriberVerb = (typeof ADMIN_VERBS)["subscribers"][number];

/**
 * The action that an operator requests. `list`, `read`, `parked` and `commands` change nothing. In a list, `model`,
 * `subscriber` and `process` are missing.
 */
export type AdminRequest = {
  /** The log's name. */
  readonly log: string;
  /** The action. */
  readonly verb: "list" | "read" | "parked" | "commands" | ModelVerb | SubscriberVerb;
  /** The name of the read model. */
  readonly model?: string;
  /** The name of the subscriber. */
  readonly subscriber?: string;
  /** The name of the process manager. */
  readonly process?: string;
};

/**
 * Returns true if a principal may do an action of an operator. False or no result refuses it. `permit` is not called.
 *
 * @example
 * const admin: Admin = (principal, { verb }) => principal.role === "operator" && verb !== "delete";
 */
export type Admin = (principal: Principal, request: AdminRequest) => boolean | Promise<boolean>;

/** The place that a path of an operator names. `last` is a verb, `parked`, `commands`, or missing. */
export type AdminPlace = { readonly kind: AdminKind; readonly name?: string; readonly last?: string };

const NO_VERBS = { models: [], subscribers: [], processes: [] } as const;
const NOUNS = { models: "model", subscribers: "subscriber", processes: "process" } as const;
const PATH = /^\/(models|subscribers|processes)(?:\/([^/]+))?(?:\/([^/]+))?$/;

/** Returns the place of a path behind `/logs/<log>`, or null. */
export function adminPlace(path: string): AdminPlace | null {
  const [, kind, name, last] = PATH.exec(path) ?? [];
  if (kind !== "models" && kind !== "subscribers" && kind !== "processes") return null;
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
  const target = { log, [NOUNS[kind]]: name };
  if (isRead && last === undefined) return { ...target, verb: "read" };
  const verb = (isRead ? READS : method === "POST" ? ADMIN_VERBS : NO_VERBS)[kind].find((one) => one === last);
  return verb === undefined ? null : { ...target, verb };
}
