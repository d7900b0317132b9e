/** Checks the order of the commits of each device: in its pushes, and in the log. */
import { parseOwnJson } from "../../core/values/json.ts";
import type { History } from "./journal.ts";
import type { PlainRecord } from "./plain-record.ts";

/**
 * 7: if a device made a commit after an earlier commit was acknowledged, it is later in each push and in the log.
 *
 * If the commits of a device overtake a stuck commit, the order in the log holds for commits that share a stream.
 */
export function checkOrder(
  { journal, devices, doubles, pushed, pushedAsks }: History,
  records: ReadonlyMap<string, readonly PlainRecord[]>,
): string[] {
  const copied = new Set(devices.filter(({ isCopy }) => isCopy).map(({ client }) => client));
  const skipping = new Set(devices.filter(({ skipsStuck }) => skipsStuck).map(({ client }) => client));
  const streams = streamsOfPushed(pushed);
  const times = new Map<number, { readonly asked: number; readonly author: string; acknowledged: number }>();
  for (const [at, entry] of journal.entries()) {
    if (entry.kind === "asked" || entry.kind === "askedBack")
      times.set(entry.ask, {
        asked: at,
        author: `${entry.client} ${entry.actor}`,
        acknowledged: Number.POSITIVE_INFINITY,
      });
    const time = entry.kind === "acknowledged" ? times.get(entry.ask) : undefined;
    if (time) time.acknowledged = at;
  }
  const asks = new Map(
    journal.flatMap((entry) => (entry.kind === "acknowledged" ? [[entry.commit, entry.ask] as const] : [])),
  );
  const withdrawn = new Set(journal.flatMap((entry) => (entry.kind === "withdrawn" ? [entry.commit] : [])));
  const problems: string[] = [];
  for (const text of pushedAsks) {
    const [client, ...asks] = parseOwnJson<[string, ...number[]]>(text);
    let before = -1;
    for (const ask of asks) {
      const time = copied.has(client) ? undefined : times.get(ask);
      if (!time) continue;
      if (time.acknowledged < before)
        problems.push(`7: a push of ${client} has what was asked as ${ask} behind what was asked later`);
      before = Math.max(before, time.asked);
    }
  }
  // After a restore a late double of an old push may arrive first, so the log guarantees no order then.
  if (doubles && journal.some((entry) => entry.kind === "restored")) return problems;
  for (const [log, list] of records) {
    const latest = new Map<string, number>();
    for (const { commit, meta, client, actor } of list) {
      const time = times.get(meta?.ask ?? asks.get(commit) ?? -1);
      if (!time || withdrawn.has(commit) || time.author !== `${client} ${actor}` || copied.has(client)) continue;
      for (const key of skipping.has(client) ? (streams.get(commit) ?? []) : [""]) {
        const before = latest.get(`${client} ${key}`) ?? -1;
        if (time.acknowledged < before)
          problems.push(`7: ${log} has commit ${commit} of ${actor} behind one that was made after it`);
        latest.set(`${client} ${key}`, Math.max(before, time.asked));
      }
    }
  }
  return problems;
}

/** The streams that each pushed commit writes or reads. */
function streamsOfPushed(pushed: History["pushed"]): ReadonlyMap<string, ReadonlySet<string>> {
  type Used = { readonly stream: string };
  return new Map(
    pushed.map(({ text }) => {
      const { id, commands } = parseOwnJson<{
        readonly id: string;
        readonly commands: readonly (Used & { readonly reads: readonly Used[] })[];
      }>(text);
      return [id, new Set(commands.flatMap(({ stream, reads }) => [stream, ...reads.map((read) => read.stream)]))];
    }),
  );
}
