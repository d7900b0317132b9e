/**
 * Checks the stored place of the subscriber.
 *
 * Guarantees:
 * - Each event up to the checkpoint was handled, was skipped, or waits. Or an operator continued behind it.
 */
import type { ModelStore } from "../../../../src/sync-server/stores/model-store.ts";
import { followersIn } from "./check-models.ts";
import type { Effects } from "./effects.ts";
import type { Ledger } from "./ledger.ts";
import type { LostPlaces } from "./lost-places.ts";
import { LOG, MAILER } from "./names.ts";

const ALL = { from: null, to: null, after: null, limit: 10_000, bytes: 10_000_000 };

/** `lost`: the places that the log has lost, and the position behind which an operator continued. */
export async function checkPlace(
  store: ModelStore,
  ledger: Ledger,
  effects: Effects,
  lost: LostPlaces,
): Promise<readonly string[]> {
  const name = `subscriber/${MAILER}`;
  if (lost.isLost(name)) return [];
  const follower = followersIn(await store.followers(LOG)).find((one) => one.name === name);
  if (!follower?.at) return [];
  if (ledger.endOf(follower.at) === null) return [`${name} is at ${follower.at.position}, which is no record end`];
  const { position: at } = follower.at;
  const page = await store.rows(LOG, name, "waiting", ALL);
  const waiting = new Set(page?.rows.map(([key]) => Number(key)));
  return ledger.counted
    .open(({ position }) => position <= at, effects.isOver)
    .filter(({ position }) => !waiting.has(position) && position > lost.continuedAt(name))
    .map(({ id, position }) => `${name} passed the event ${id} at ${position} without handling it`);
}
