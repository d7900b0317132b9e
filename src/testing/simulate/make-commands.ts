/** Converts a tab's rows for the command maker, and the maker's result to a list. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { Json } from "../../core/values/json.ts";
import type { SimTab } from "./tab.ts";

export function rowsOf(tab: SimTab, projection: string): ReadonlyMap<string, Json> {
  return new Map([...(tab.tables.get(projection) ?? [])].map(([key, { row }]) => [key, row]));
}

export function requestsOf(made: CommandRequest | readonly CommandRequest[]): readonly CommandRequest[] {
  const requests = isOne(made) ? [made] : made;
  // A function that forgets its `return` would make no commands, and each seed would pass.
  if (requests.some((request) => typeof request?.stream !== "string"))
    throw new TypeError(
      "`commands` returned something that is no command. Return task.command.add(…), or a list of them",
    );
  return requests;
}

function isOne(made: CommandRequest | readonly CommandRequest[]): made is CommandRequest {
  return !Array.isArray(made);
}
