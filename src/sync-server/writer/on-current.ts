/** A commit of the server's own code, decided on the states of now. */
import { type Commit, type CommitCommand, streamsOf } from "../../core/history/commit.ts";
import { commitNeeds } from "../../core/decide/commit-needs.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { StreamName } from "../../core/values/ids.ts";
import type { StreamWindows } from "../streams/stream-windows.ts";

/** The version that a stream must have. An empty object: any version. */
export type OnCurrent = { readonly stream?: StreamName; readonly version?: number };

/**
 * Returns the commit with the current versions as seen, so that no other author came first. If the stream has another
 * version than expected, returns that version.
 */
export async function onCurrent(
  domain: DomainDefinition,
  windows: StreamWindows,
  commit: Commit,
  { stream, version }: OnCurrent,
): Promise<Commit | number> {
  const needs = commitNeeds(domain, commit);
  await windows.load(new Set([...streamsOf(commit), ...needs.streams]));
  const seen = (name: StreamName) => ({ stream: name, seen: windows.known().get(name)?.state.version ?? 0 });
  if (stream !== undefined && seen(stream).seen !== version) return seen(stream).seen;
  const commands = commit.commands.map((command, n): CommitCommand => {
    const prepared = needs.prepared[n];
    const reads = prepared && "ready" in prepared ? Object.values(prepared.ready.reads) : [];
    return { ...command, ...seen(command.stream), reads: [...new Set(reads)].map(seen) };
  });
  return { ...commit, commands };
}
