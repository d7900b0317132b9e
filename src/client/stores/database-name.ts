/**
 * The name of a log's database on a device. Its locks and its channel between tabs have names that begin with it.
 *
 * Guarantees (test "databaseName: two logs or users never share a database, whatever their names"):
 * - Two logs, users or namespaces never share a name, because the encoding removes colons.
 */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Actor, LogName } from "../../core/values/ids.ts";

export function databaseName(log: LogName, user: Actor, namespace: string | null = null): string {
  const parts = namespace === null ? [log, user] : [namespace, log, user];
  if (!parts.every((part) => part.isWellFormed())) {
    throw new DefinitionError({
      message: "The name of the log or of the user has a lone surrogate",
      fix: "Use well-formed text for both names.",
    });
  }
  return ["dacapo", ...parts.map(encodeURIComponent)].join(":");
}
