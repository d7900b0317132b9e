/**
 * Checks tabs of an older release at the end of a run. They must refuse commands on a stream that they cannot fold.
 *
 * It runs when all is quiet. The checker's own fold finds these streams.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import { requestsOf, rowsOf } from "./make-commands.ts";
import type { PlainRecord } from "./plain-record.ts";
import { stuckStreams } from "./refold.ts";
import type { SimTab } from "./tab.ts";
import type { World } from "./world.ts";
import { parseOwnJson } from "../../core/values/json.ts";

const EVERYTHING = { events: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };
/** The number of commands that are drawn to find a command for such a stream. */
const DRAWS_MAX = 30;
const ANSWER_MS = 5_000;

export async function tryStuckStreams(world: World, gone: ReadonlySet<string>): Promise<readonly string[]> {
  const { journal, scheduler } = world;
  const tried = new Map<number, string>();
  for (const {
    keepsRelease,
    running,
    options: { log, user },
  } of world.devices) {
    if (!keepsRelease || gone.has(log)) continue;
    const read = await world.store.inner.read(log, null, EVERYTHING);
    const stuck = stuckStreams(
      read.kind === "page" ? read.records.map(({ text }) => parseOwnJson<PlainRecord>(text)) : [],
      keepsRelease,
    );
    for (const tab of stuck.size > 0 ? running : []) {
      const request = commandFor(world, tab, user, stuck);
      if (!request) continue;
      tried.set(journal.nextAsk, `${tab.owner.name} with domain ${tab.domain.version} and ${request.stream}`);
      tab.execute([request]);
    }
  }
  if (tried.size === 0) return [];
  await scheduler.runFor(ANSWER_MS);
  return journal.entries.flatMap((entry) => {
    const what =
      entry.kind === "acknowledged" || (entry.kind === "refused" && entry.code !== "stream-unreadable")
        ? tried.get(entry.ask)
        : undefined;
    return what === undefined
      ? []
      : [
          `12: ${what}, which it cannot fold: a command was ${entry.kind}` +
            (entry.kind === "refused" ? ` with ${entry.code}` : ""),
        ];
  });
}

function commandFor(
  { options, random }: World,
  tab: SimTab,
  actor: string,
  stuck: ReadonlySet<string>,
): CommandRequest | null {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const made = options.commands({ random, actor, rows: (projection) => rowsOf(tab, projection) });
    const request = requestsOf(made).find(
      ({ stream, name }) =>
        stuck.has(stream) && tab.domain.aggregates.get(stream.slice(0, stream.indexOf("/")))?.commands.has(name),
    );
    if (request) return request;
  }
  return null;
}
