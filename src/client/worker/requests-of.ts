/** The commands of a commit, without what the device added when it decided them. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { Commit } from "../../core/history/commit.ts";

export function requestsOf({ commands }: Commit): readonly CommandRequest[] {
  return commands.map(({ stream, name, v, input }) => ({ stream, name, v, ...(input !== undefined && { input }) }));
}
