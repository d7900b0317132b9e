/** The verbs of an operator, at random. Each may fail with the store. */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { Judge } from "./judge.ts";
import type { ServerNode } from "./node.ts";
import { COUNTERS, keyOf } from "./domain.ts";
import { ECHO, FLOW, LOG, MAILER } from "./names.ts";

export function operate({ server, release }: ServerNode, random: SeededRandom, judge: Judge): void {
  const log = server.log(LOG);
  const verbs: readonly (() => Promise<unknown>)[] = [
    () => log.subscribers.retry(MAILER),
    async () => {
      const [parked] = await log.subscribers.parked(MAILER);
      if (!parked) return;
      judge.effects.skipped.add(parked.event);
      await log.subscribers.skip(MAILER, parked.event, "The address does not exist");
    },
    () => log.subscribers.pause(MAILER),
    () => log.subscribers.resume(MAILER),
    () => log.processes.retry(FLOW),
    () => log.processes.pause(FLOW),
    () => log.processes.resume(FLOW),
    () => log.models.rebuild(release.totals),
    () => log.models.rebuild("names"),
    // It handles all events again, which takes as long as the rest of the world.
    () =>
      random.chance(0.3)
        ? log.subscribers.reset(MAILER, { from: "beginning", effects: "repeat" })
        : log.subscribers.parked(MAILER),
    () => log.processes.reset(ECHO, { from: "beginning", effects: "repeat" }),
    async () => {
      judge.deletions.beginPurge(judge.totalsOf(release));
      await log.models.purge(release.totals);
    },
    async () => {
      judge.deletions.beginPurge(judge.totalsOf(release));
      await log.models.populate(release.totals);
    },
    async () => {
      const key = keyOf(`counter/${random.pick(COUNTERS)}`);
      const { deletions } = judge;
      const isDeleted = deletions.begin(judge.totalsOf(release), key);
      await log.models.delete(release.totals, key);
      if (deletions === judge.deletions) isDeleted();
    },
    () => judge.readPages(server, release),
  ];
  void random
    .pick(verbs)()
    .catch(() => {});
}
