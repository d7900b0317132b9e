/** Commands of the server's own code, before the server reads the versions of their streams and decides the events. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import { omitUndefined } from "../../core/values/json.ts";

export function undecided(requests: readonly CommandRequest[]): readonly object[] {
  return requests.map(({ stream, name, v, input }) => ({
    stream,
    seen: 0,
    reads: [],
    name,
    v,
    ...(input !== undefined && { input: omitUndefined(input) }),
    events: [],
  }));
}
