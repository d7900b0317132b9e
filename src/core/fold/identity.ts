/** The identity of a projection's rows: its name and version, with the versions of the aggregates that it folds. */
import type { DomainDefinition, ProjectionDefinition } from "../domain/definition.ts";

/**
 * Returns a text that changes if the rows must be folded again.
 *
 * @example
 * projectionIdentity(domain, board) // "board@2<column@1,task@1"
 */
export function projectionIdentity(
  domain: DomainDefinition,
  { name, version, from }: Pick<ProjectionDefinition, "name" | "version" | "from">,
): string {
  return `${name}@${version}<${aggregateVersions(domain, from)}`;
}

/** The names and versions of aggregates, such as `column@1,task@1`. */
export function aggregateVersions({ aggregates }: DomainDefinition, names: Iterable<string>): string {
  return [...names]
    .sort()
    .map((name) => `${name}@${aggregates.get(name)?.version ?? 0}`)
    .join(",");
}
