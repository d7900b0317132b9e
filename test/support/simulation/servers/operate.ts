/** The verbs of an operator, at random. Each may fail with the store. */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { Judge } from "./judge.ts";
import type { ServerNode } from "./node.ts";
import { FLOW, LOG, MAILER } from "./reactions.ts";

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
    () => judge.readPages(server, release),
  ];
  void random
    .pick(verbs)()
    .catch(() => {});
}
