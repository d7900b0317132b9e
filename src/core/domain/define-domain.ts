/**
 * The domain: all aggregates and projections of an app, the one thing that both sides are given.
 *
 * Place: event → aggregate → projection → domain → `serveLog(domain)` and `serve({ domain })`.
 * Holds: names are unique, and whatever a definition names is in the domain. The handle's type is opaque: it stays the
 * same however large the domain grows.
 */
import type { AggregateDefinition, DomainDefinition } from "./definition.ts";
import type { AnyAggregate, AnyProjection } from "./handle-types.ts";
import { refuseDefinition } from "../values/refuse.ts";

/** A domain. Opaque to apps: give it to `serveLog`, `serve`, `simulate`. */
export type Domain = { readonly definition: DomainDefinition };

export type DomainOptions = {
  /** Raise it with each release that changes the domain: a server and a page then know which of them is newer. */
  readonly version: number;
  readonly aggregates: readonly AnyAggregate[];
  readonly projections?: readonly AnyProjection[];
};

/**
 * Puts a domain together and checks it. Throws a DefinitionError that names what does not fit.
 *
 * @example
 * export const domain = defineDomain({ version: 1, aggregates: [task, column], projections: [board] });
 */
export function defineDomain(options: DomainOptions): Domain {
  if (typeof options !== "object" || options === null)
    refuseDefinition("The domain has no options", "Give version, aggregates and projections.");
  const { version, aggregates, projections = [] } = options;
  if (!Number.isSafeInteger(version) || version < 1)
    refuseDefinition(`The version of the domain is ${String(version)}`, "Count from 1, in whole numbers.");
  const definition: DomainDefinition = {
    version,
    aggregates: byName("aggregate", "evolve", aggregates),
    projections: byName("projection", "apply", projections),
  };
  if (definition.aggregates.size === 0) refuseDefinition("The domain has no aggregates", "Give aggregates: [task, …].");
  for (const { name, from } of projections) requireInside(definition, `The projection ${name} folds`, from);
  for (const { name, reads } of aggregates) requireInside(definition, `A command of ${name} reads`, reads);
  return { definition };
}

/** `mark` is a field that definitions of this kind alone have. */
function byName<D extends { readonly name: string }>(
  kind: string,
  mark: keyof D,
  handles: readonly { readonly definition: D }[],
): ReadonlyMap<string, D> {
  if (!Array.isArray(handles)) refuseDefinition(`The ${kind}s of the domain are no list`, `Give ${kind}s: [ … ].`);
  const map = new Map<string, D>();
  for (const [place, handle] of handles.entries()) {
    if (typeof handle?.definition?.[mark] !== "function") {
      refuseDefinition(
        `${kind}s[${place}] of the domain is no ${kind}`,
        `List the handles that ${kind}() gave. An import may be undefined where files import each other in a circle.`,
      );
    }
    const { name } = handle.definition;
    if (map.has(name))
      refuseDefinition(
        `The domain has two ${kind}s of the name ${name}`,
        "Rename one of them: what is stored belongs to the name.",
      );
    map.set(name, handle.definition);
  }
  return map;
}

function requireInside(
  domain: DomainDefinition,
  what: string,
  aggregates: readonly { readonly definition: AggregateDefinition }[],
): void {
  for (const { definition } of aggregates) {
    const inside = domain.aggregates.get(definition.name);
    if (inside === definition) continue;
    refuseDefinition(
      inside
        ? `${what} another aggregate of the name ${definition.name} than the domain's`
        : `${what} the aggregate ${definition.name}, which is not in the domain`,
      inside ? "Import the same handle in both places." : `Add ${definition.name} to the domain's aggregates.`,
    );
  }
}
