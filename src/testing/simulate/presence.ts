/**
 * Presence: each page must show the other people, computed from the open sockets.
 *
 * The check runs while the healed world comes to rest, and again after a person has left.
 *
 * Guarantees: (6) a device with a socket sees exactly the people with a socket at the same node who showed themselves.
 * The presence of a closed page is gone. The check reads the leader, because followers learn of presence by messages
 * alone, which may be lost or overtake each other.
 */
import { canonical } from "./plain-record.ts";
import type { Device } from "./device.ts";
import type { World } from "./world.ts";

/** A server notices a dead device late, and ends its socket after a minute and a half. */
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
      return shown && nodeOf(world, other) === node
        ? [[shown.client, canonical({ actor: other.options.user, data: shown.shows })] as const]
        : [];
    }),
  );
  // For the server, copies are one device.
  const excused = new Set(
    everyone.filter(({ isCopy }) => isCopy).flatMap(({ running }) => running.map(({ client }) => client)),
  );
  for (const { owner, presence, status } of device.running) {
    if (!status?.leader) continue;
    const shown = new Map(presence.map(({ client, actor, data }) => [client, canonical({ actor, data })]));
    const wrong = [...new Set([...expected.keys(), ...shown.keys()])].filter(
      (client) => !excused.has(client) && shown.get(client) !== expected.get(client),
    );
    // Known limit: a frozen and displaced leader may once more show its device, and remove it when its socket ends.
    const told = world.strengthInPlan("freeze") > 0 ? wrong.filter((client) => !expected.has(client)) : wrong;
    for (const client of told) {
      const [actual, right] = [shown.get(client) ?? "nobody", expected.get(client) ?? "nobody"];
      yield `${owner.name} of ${name} shows ${actual} for ${client}, not ${right}`;
    }
  }
}

/** One device dies when all is quiet, and the other devices must see it leave. */
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
