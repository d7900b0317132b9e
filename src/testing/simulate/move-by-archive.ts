/**
 * A person moves to a new device with a file: an export on the old device, an import on the new device, and later a
 * server.
 *
 * Guarantees:
 * - It reports a problem if the new device lacks a record, a pending commit, a sent commit or a rejection of the file
 *   (9).
 * - The new device counts as a copy of the old device from then on.
 */
import type { Device } from "./device.ts";
import type { SimTab } from "./tab.ts";
import type { World } from "./world.ts";
import { parseOwnJson } from "../../core/values/json.ts";

type Own = { readonly commit: { readonly id: string } };
type Line = {
  readonly record?: { readonly commit: string };
  readonly sent?: Own;
  readonly pending?: Own;
  readonly rejection?: Own;
};

/** Starts a move and does not wait for it. The move continues during later steps, or ends when its tab dies. */
export function archive(world: World, tab: SimTab, device: Device): void {
  void move(world, tab, device);
}

async function move(world: World, tab: SimTab, device: Device): Promise<void> {
  const { entries } = world.journal;
  const since = entries.length;
  const text = await tab.export();
  if (text === null || world.healed) return;
  const fresh = device.freshAs(`${device.options.name}new`);
  world.devices.push(fresh);
  entries.push({ kind: "copied", device: device.options.name, to: fresh.options.name, since });
  const opened = fresh.openTab(world.releaseOf(fresh));
  if (!(await opened.opened) || !(await opened.import(text)))
    return world.scheduler.note(`${opened.owner.name} could not import`);
  world.scheduler.note(`${opened.owner.name} has imported`);
  for (const what of missing(text, fresh))
    world.tap.problems.add(`9: ${opened.owner.name} has imported a file, and lacks ${what}`);
}

/**
 * Returns everything in the file that the device lacks. A pending commit of the file may be confirmed on the device
 * already.
 */
function* missing(text: string, { database }: Device): Generator<string> {
  const { batches, pending, sent, rejections } = database.open();
  const records = batches.map((batch) => batch.text).join();
  const own = [...pending.values(), ...sent.values(), ...rejections.values()].join();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const { record, rejection, ...told } = parseOwnJson<Line>(line);
    if (record && !records.includes(`"commit":"${record.commit}"`)) yield `record ${record.commit}`;
    if (rejection && !rejections.has(rejection.commit.id)) yield `what was refused as ${rejection.commit.id}`;
    const id = (told.pending ?? told.sent)?.commit.id;
    if (id !== undefined && !own.includes(`"id":"${id}"`))
      yield `commit ${id} of ${told.pending ? "the queue" : "what was settled"}`;
  }
}
