/** Converts a tab's rows for the command maker, and the maker's result to a list. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";
import type { SimTab } from "./tab.ts";

export function rowsOf(tab: SimTab, projection: string): ReadonlyMap<string, Json> {
  return new Map([...(tab.tables.get(projection) ?? [])].map(([key, { row }]) => [key, row]));
}

export function requestsOf(made: CommandRequest | readonly CommandRequest[]): readonly CommandRequest[] {
  return isOne(made) ? [made] : made;
}

function isOne(made: CommandRequest | readonly CommandRequest[]): made is CommandRequest {
  return !Array.isArray(made);
}
