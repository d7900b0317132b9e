/**
 * Checks the required options of a sync server when it starts. Without this check, a JavaScript user would get a server
 * that starts and then fails each request.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import type { Authorize } from "./authorize.ts";
import type { EventStore } from "../stores/event-store.ts";

type RequiredOptions = {
  readonly domain: { readonly definition: DomainDefinition };
  readonly store: EventStore;
  readonly authorize: Authorize;
};

export function requireOptions({ store, ...options }: RequiredOptions): void {
  requireAppOptions(options);
  requireOption(
    "store",
    typeof store?.append === "function",
    'Pass an event store, such as sqlite("logs.db") from dacapo/sqlite, or memory() from dacapo/memory.',
  );
}

/** Checks the options that a server has without a store of the app. */
export function requireAppOptions({ domain, authorize }: Omit<RequiredOptions, "store">): void {
  requireOption("domain", typeof domain?.definition === "object", "Pass the result of defineDomain().");
  requireOption(
    "authorize",
    typeof authorize === "function",
    'Pass a function that returns the sender, such as bearer({ tokens: { "adas-secret": "ada" } }), jwt(…), ' +
      "or (request) => ({ actor }) or null.",
  );
}

function requireOption(option: keyof RequiredOptions, isValid: boolean, fix: string): void {
  if (!isValid)
    refuseDefinition(`The sync server needs \`${option}\`, which is missing or has another type`, fix, {
      option,
    });
}
