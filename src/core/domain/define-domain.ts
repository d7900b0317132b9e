/**
 * The domain: all aggregates and projections of an app. The worker and the server get the same one.
 *
 *   event → aggregate → projection → domain → `serveLog(domain)` in the worker, `serve({ domain })` on the server
 *
 * Guarantees (test: `define-domain.test.ts`):
 * - The names of aggregates are unique, and so are the names of projections.
 * - Each aggregate that a projection or a command names is in the domain.
 * - The type `Domain` has no parameters, so that it does not grow with the domain.
 */
import { refuseDefinition } from "../values/refuse.ts";
import type { AggregateDefinition, DomainDefinition } from "./definition.ts";
import type { AnyAggregate, AnyProjection } from "./handle-types.ts";

/** A domain. Pass it to `serveLog`, `serve` or `simulate`. */
export type Domain = { readonly definition: DomainDefinition };

/** The options of `defineDomain`. */
export type DomainOptions = {
  /**
   * A whole number from 1. Raise it with each release that changes the domain, so that a server and a page know which
   * one is newer.
   */
  readonly version: number;
  /** All aggregates of the app. At least one. */
  readonly aggregates: readonly AnyAggregate[];
  /**
   * All projections of the app.
   *
   * @default []
   */
  readonly projections?: readonly AnyProjection[];
};

/**
 * Creates the domain of its aggregates and projections, and checks it.
 *
 * @throws DefinitionError (`definition`) if a name is used twice, or if an aggregate is missing.
 *
 * @example
 * export const domain = defineDomain({ version: 1, aggregates: [task, column], projections: [board] });
 */
export function defineDomain(options: DomainOptions): Domain {
  if (typeof options !== "object" || options === null)
    refuseDefinition("The domain has no options", "Pass an object with version, aggregates and projections.");
  const { version, aggregates, projections = [] } = options;
  if (!Number.isSafeInteger(version) || version < 1)
    refuseDefinition(`The version of the domain is ${String(version)}`, "Use a whole number, and count from 1.");
  const definition: DomainDefinition = {
    version,
    aggregates: indexByName("aggregate", "evolve", aggregates),
    projections: indexByName("projection", "apply", projections),
  };
  if (definition.aggregates.size === 0) refuseDefinition("The domain has no aggregates", "Add aggregates: [task, …].");
  for (const { name, from } of projections) requireInDomain(definition, `The projection ${name} folds`, from);
  for (const { name, reads } of aggregates) requireInDomain(definition, `A command of ${name} reads`, reads);
  return { definition };
}

/** Returns the definitions by name. `ownMethod` is a method that only definitions of this kind have. */
function indexByName<D extends { readonly name: string }>(
  kind: string,
  ownMethod: keyof D,
  handles: readonly { readonly definition: D }[],
): ReadonlyMap<string, D> {
  // As unknown, because Array.isArray would narrow a readonly array to an array of any.
  const list: unknown = handles;
  if (!Array.isArray(list)) refuseDefinition(`The ${kind}s of the domain are not an array`, `Write ${kind}s: [ … ].`);
  const definitions = new Map<string, D>();
  for (const [index, handle] of handles.entries()) {
    if (typeof handle?.definition?.[ownMethod] !== "function") {
      refuseDefinition(
        `${kind}s[${index}] of the domain is not a handle of ${kind}()`,
        `List the handles that ${kind}() returned. An import may be undefined if files import each other in a circle.`,
      );
    }
    const { name } = handle.definition;
    if (definitions.has(name))
      refuseDefinition(
        `The domain has two ${kind}s of the name ${name}`,
        "Rename one of them, because stored data belongs to the name.",
      );
    definitions.set(name, handle.definition);
  }
  return definitions;
}

/** Refuses an aggregate that is not in the domain. `clause` is the begin of the message: a subject and a verb. */
function requireInDomain(
  domain: DomainDefinition,
  clause: string,
  aggregates: readonly { readonly definition: AggregateDefinition }[],
): void {
  for (const { definition } of aggregates) {
    const inside = domain.aggregates.get(definition.name);
    if (inside === definition) continue;
    refuseDefinition(
      inside
        ? `${clause} another aggregate of the name ${definition.name} than the domain has`
        : `${clause} the aggregate ${definition.name}, which is not in the domain`,
      inside ? "Import the same handle in both places." : `Add ${definition.name} to the domain's aggregates.`,
    );
  }
}
