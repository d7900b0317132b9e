/**
 * Checks the required options of a sync server when it starts. Without this check, a JavaScript user would get a server
 * that starts and then fails each request.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import { SERVER_LIMITS, type ServerLimits } from "../base/limits.ts";
import type { Authorize } from "./authorize.ts";
import type { EventStore } from "../stores/event-store.ts";

/** Characters of a secret that people cannot guess. */
export const SECRET_LENGTH_MIN = 16;

type RequiredOptions = {
  readonly domain: { readonly definition: DomainDefinition };
  readonly store: EventStore;
  readonly authorize: Authorize;
  readonly ticketSecret?: string;
  readonly limits?: Partial<ServerLimits>;
};

export function requireOptions({ store, ticketSecret, ...options }: RequiredOptions): void {
  requireAppOptions(options);
  // A person who guesses the secret can make tickets of any actor.
  if (
    ticketSecret !== undefined &&
    (typeof ticketSecret !== "string" || ticketSecret.trim().length < SECRET_LENGTH_MIN)
  )
    refuseDefinition(
      `The option ticketSecret is not a text of at least ${SECRET_LENGTH_MIN} characters`,
      "Pass random characters, such as of `openssl rand -hex 32`.",
      { option: "ticketSecret" },
    );
  requireOption(
    "store",
    typeof store?.append === "function",
    'Pass an event store, such as sqlite("logs.db") from dacapo/sqlite, or memory() from dacapo/memory.',
  );
}

/** Checks the options that a server has without a store of the app. */
export function requireAppOptions({
  domain,
  authorize,
  limits = {},
}: Omit<RequiredOptions, "store" | "ticketSecret">): void {
  requireOption("domain", typeof domain?.definition === "object", "Pass the result of defineDomain().");
  requireOption(
    "authorize",
    typeof authorize === "function",
    'Pass a function that returns the sender, such as bearer({ tokens: { "adas-secret": "ada" } }), jwt(…), ' +
      "or (request) => ({ actor }) or null.",
  );
  for (const [name, value] of Object.entries(limits)) {
    const standard: unknown = Reflect.get(SERVER_LIMITS, name);
    if (standard === undefined)
      refuseDefinition(
        `The option \`limits\` has no ${name}`,
        `Its names are ${Object.keys(SERVER_LIMITS).join(", ")}.`,
      );
    if (typeof standard === "number") requireNumber(`limits.${name}`, value);
    else
      for (const part of ["perSecond", "burst"])
        requireNumber(`limits.${name}.${part}`, Reflect.get(Object(value), part));
  }
}

/** Refuses NaN and texts, such as from a variable that is not set. No comparison would ever exceed such a bound. */
export function requireNumber(option: string, value: unknown, least = 0): void {
  if (typeof value === "number" && value >= least) return;
  refuseDefinition(`${option} is ${String(value)}, which is not a bound`, `Pass a number from ${least} on.`, {
    option,
  });
}

function requireOption(option: keyof RequiredOptions, isValid: boolean, fix: string): void {
  if (!isValid)
    refuseDefinition(`The sync server needs \`${option}\`, which is missing or has another type`, fix, {
      option,
    });
}
