/**
 * Refuses a sync server that lacks what it cannot do without. Without store or authorize it would start, give its address, and fail at
 * each request: JavaScript users shall meet it when they start it.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import type { Authorize } from "./authorize.ts";
import type { EventStore } from "../stores/event-store.ts";

type Needed = {
  readonly domain: { readonly definition: DomainDefinition };
  readonly store: EventStore;
  readonly authorize: Authorize;
};

export function requireOptions({ domain, store, authorize }: Needed): void {
  requireOption(
    "domain",
    typeof domain?.definition === "object",
    "Give what defineDomain() made of your aggregates and projections.",
  );
  requireOption(
    "store",
    typeof store?.append === "function",
    'Give the place where logs are kept, such as sqlite("logs.db") from dacapo/sqlite, or memory() from dacapo/memory.',
  );
  requireOption(
    "authorize",
    typeof authorize === "function",
    'Give who tells whose request it is, such as bearer({ tokens: { "adas-secret": "ada" } }), jwt(…), or (request) => ({ actor }) or null.',
  );
}

function requireOption(option: keyof Needed, isThere: boolean, fix: string): void {
  if (!isThere)
    refuseDefinition(`The sync server has no \`${option}\`: it is missing, or something else was given for it`, fix, {
      option,
    });
}
