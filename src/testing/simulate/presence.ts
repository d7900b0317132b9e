/**
 * Checks presence: each page must show the other devices that have an open socket.
 *
 * It runs while the healed world becomes quiet, and again after a device left.
 *
 * Guarantees (6):
 * - A device with a socket shows exactly the devices with a socket that published their presence. Without messages
 *   between nodes, these are the devices at the same node.
 * - The presence of a closed page is gone.
 * - Only the leader tab is checked, because follower tabs get presence by messages, which may be lost or swapped.
 */
import { canonical } from "./plain-record.ts";
import type { Device } from "./device.ts";
import type { World } from "./world.ts";

/** This is long, because a server gets no event from a dead device and closes its socket after a minute and a half. */
const LEAVE_MS_MAX = 4 * 60_000;

export function* wrongPresence(world: World, device: Device): Generator<string> {
  const { log, name } = device.options;
  const node = nodeOf(world, device);
  if (world.strengthInPlan("presence") === 0 || node === null || device.isCopy || world.store.isDropped(log)) return;
  const everyone = world.devices.filter((other) => other !== device && other.options.log === log);
  const others = everyone.filter(({ isCopy }) => !isCopy);
  const expected = new Map(
    others.flatMap((other) => {
      const shown = other.running.find(({ shows }) => shows !== undefined && shows !== null);
      const otherNode = nodeOf(world, other);
      const isSeen = otherNode === node || (otherNode !== null && world.strengthInPlan("nodeMessages") > 0);
      return shown && isSeen
        ? [[shown.client, canonical({ actor: other.options.user, data: shown.shows })] as const]
        : [];
    }),
  );
  // Copies are skipped, because they are one device for the server.
  const excused = new Set(
    everyone.filter(({ isCopy }) => isCopy).flatMap(({ running }) => running.map(({ client }) => client)),
  );
  for (const { owner, presence, status } of device.running) {
    if (!status?.leader) continue;
    const shown = new Map(presence.map(({ client, actor, data }) => [client, canonical({ actor, data })]));
    const wrong = [...new Set([...expected.keys(), ...shown.keys()])].filter(
      (client) => !excused.has(client) && shown.get(client) !== expected.get(client),
    );
    // Known limit: a former leader that was frozen may publish for its device once more, and remove that when its
    // socket closes.
    const told = world.strengthInPlan("freeze") > 0 ? wrong.filter((client) => !expected.has(client)) : wrong;
    for (const client of told) {
      const [actual, right] = [shown.get(client) ?? "nobody", expected.get(client) ?? "nobody"];
      yield `${owner.name} of ${name} shows ${actual} for ${client}, not ${right}`;
    }
  }
}

/** Ends a device when all is quiet. The other devices must stop showing it. */
export async function someoneLeaves(world: World, gone: ReadonlySet<string>): Promise<readonly string[]> {
  const leaving =
    world.strengthInPlan("presence") > 0
      ? world.devices.find((device) => !device.isCopy && !gone.has(device.options.log))
      : undefined;
  if (!leaving) return [];
  world.scheduler.note(`${leaving.options.name} leaves`);
  for (const tab of leaving.tabs) {
    if (world.random.chance(0.5)) tab.close();
    else leaving.kill(tab);
  }
  const wrong = () =>
    world.devices.filter((device) => device !== leaving).flatMap((device) => [...wrongPresence(world, device)]);
  const isRight = await world.scheduler.runUntil(() => wrong().length === 0, LEAVE_MS_MAX);
  return isRight ? [] : wrong().map((text) => `6: after someone left, ${text}`);
}

/** The process at the other end of the device's socket. */
function nodeOf({ network }: World, device: Device): object | null {
  const [process = null] = device.running.flatMap(({ owner }) => network.standing.get(owner) ?? []);
  return process?.state === "running" ? process : null;
}
