/**
 * Finds the keys of a newer release's inputs that the schemas of this server drop. Pure.
 *
 * Guarantees: an app's schema cannot make it throw, because `prepareCommand` catches what the schema throws.
 */
import { prepareCommand } from "../../core/decide/decide-command.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Commit } from "../../core/history/commit.ts";
import { DROPPED } from "../../core/history/limits.ts";
import { isPlainObject } from "../../core/values/json.ts";

/** The keys as paths, such as `add.owner.name`. They begin with the command's name. */
export function droppedKeys(domain: DomainDefinition, { commands }: Commit): readonly string[] {
  const dropped: string[] = [];
  for (const command of commands) {
    const prepared = prepareCommand(domain, command);
    if ("ready" in prepared) compare(command.name, command.input, prepared.ready.input, dropped);
  }
  return dropped;
}

/** Compares only objects and arrays with their like, because a schema may turn a value into another. */
function compare(path: string, given: unknown, kept: unknown, dropped: string[]): void {
  if (dropped.length >= DROPPED.count) return;
  if (Array.isArray(given) && Array.isArray(kept)) {
    if (given.length !== kept.length) return;
    const entries: readonly unknown[] = kept;
    for (const [index, entry] of (given as readonly unknown[]).entries())
      compare(`${path}.${index}`, entry, entries[index], dropped);
  } else if (isObject(given) && isObject(kept)) {
    const values = new Map<string, unknown>(Object.entries(kept));
    for (const [key, value] of new Map<string, unknown>(Object.entries(given))) {
      if (values.has(key)) compare(`${path}.${key}`, value, values.get(key), dropped);
      else dropped.push(`${path}.${key}`);
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && isPlainObject(value);
}
