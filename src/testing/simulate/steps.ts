/**
 * The steps of a plan: what people do, and what goes wrong by itself.
 *
 * Guarantees: a step draws from its own chance, so that it does the same in a shortened plan.
 */
import { seededRandom, type SeededRandom } from "../seeded-random.ts";
import type { Device } from "./device.ts";
import { hostilePush } from "./hostile.ts";
import { archive } from "./move-by-archive.ts";
import type { Step } from "./plan.ts";
import type { SimTab } from "./tab.ts";
import { requestsOf, rowsOf } from "./make-commands.ts";
import { drawServerSkew, drawSkew, LOGS, USERS, type World } from "./world.ts";

const TABS_MAX = 3;

export async function takeStep(world: World, step: Step): Promise<void> {
  const random = seededRandom(step.seed);
  const device = random.pick(world.devices);
  const tab = device.running.length > 0 ? random.pick(device.running) : null;
  const { scheduler } = world;
  scheduler.note(`step ${step.kind} on ${tab?.owner.name ?? device.options.name}`);
  switch (step.kind) {
    case "execute":
      return tab ? execute(world, tab, device, random) : reopen(world, device);
    case "burst":
      return burst(world, tab, device, random);
    case "wait":
      return scheduler.runFor(random.below(8_000));
    case "pause":
      return tab?.setPaused(!tab.paused);
    case "discard":
    case "retry":
      return endRejection(tab, step.kind, random);
    case "openTab":
      return reopen(world, device);
    case "closeTab":
      return device.tabs.length > 1 ? tab?.close() : undefined;
    case "cut":
      return cut(world, device, random);
    case "storeFull":
      device.fullUntil = scheduler.now + random.below(20_000);
      return;
    case "tabCrash":
      return tab ? device.kill(tab) : undefined;
    case "powerCut":
      return cutPower(world, device, random);
    case "freeze":
      return tab ? freeze(world, tab, random) : undefined;
    case "clone":
      return clone(world, device);
    case "eviction":
      world.journal.entries.push({ kind: "evicted", device: device.options.name });
      return device.evict();
    case "clockJump":
      device.skewMs += drawSkew(random, 0.5);
      return;
    case "serverCrash":
      return crashNode(world, random);
    case "restore":
      return restore(world, random);
    case "drop":
      return world.store.drop(random.pick(world.logs()));
    case "rights":
      return changeRight(world, random);
    case "hostile":
      return hostilePush(world, random);
    case "undo":
    case "redo":
      return tab?.takeBack(step.kind);
    case "withdraw":
      return withdraw(tab, random);
    case "show":
      return show(device, random);
    case "goOnline":
      return goOnline(world, random);
    case "serverClockJump":
      random.pick(world.nodes).skewMs = drawServerSkew(random);
      return;
    case "newDevice":
      return world.addDevice();
    case "archive":
      return archiveOne(world, tab);
    case "networkHint":
      return tab?.hint(random.chance(0.3) ? "online" : "offline");
    case "filterText":
      return tab ? filterNext(world, tab, device, random) : undefined;
    case "failPermit":
      return failPermit(world, tab, device, random);
    case "signOut":
    case "signIn":
      return step.kind === "signIn" ? signIn(device, random) : device.signOut();
    case "upgrade":
      for (const node of world.nodes) node.start(world.options.domains.newest);
  }
}

function execute(world: World, tab: SimTab, device: Device, random: SeededRandom): void {
  const made = world.options.commands({
    random,
    actor: device.options.user,
    rows: (projection) => rowsOf(tab, projection),
  });
  tab.execute(requestsOf(made));
}

function cutPower(world: World, device: Device, random: SeededRandom): void {
  world.journal.entries.push({ kind: "lostPower", device: device.options.name });
  device.cutPower();
  reopenLater(world, device, random.below(3_000));
}

/** A filter refuses the next commit of a person, for ever. */
function filterNext(world: World, tab: SimTab, device: Device, random: SeededRandom): void {
  device.filtered.add(world.journal.nextAsk);
  execute(world, tab, device, random);
}

/** From now on `permit` throws for one command on one stream, and a person executes it. */
function failPermit(world: World, tab: SimTab | null, { options }: Device, random: SeededRandom): void {
  if (!tab) return;
  const made = world.options.commands({
    random,
    actor: options.user,
    rows: (projection) => rowsOf(tab, projection),
  });
  const requests = requestsOf(made);
  for (const { stream, name } of requests.slice(0, 1)) world.failing.add(`${options.log} ${stream} ${name}`);
  tab.execute(requests);
}

/** A person signs in in one tab. The other tabs of the device hear of it only from that tab. */
export function signIn(device: Device, random: SeededRandom): void {
  device.isSignedIn = true;
  if (device.running.length > 0) random.pick(device.running).setPaused(false);
}

/** Many commands at once: of one tab, or of everyone. */
function burst(world: World, tab: SimTab | null, device: Device, random: SeededRandom): void {
  if (random.chance(0.5))
    for (const other of world.devices) for (const each of other.running) execute(world, each, other, random);
  else for (let count = 2 + random.below(5); count > 0 && tab; count--) execute(world, tab, device, random);
}

export function reopen(world: World, device: Device): void {
  if (device.tabs.length < TABS_MAX) device.openTab(world.releaseOf(device));
}

function reopenLater(world: World, device: Device, delayMs: number): void {
  world.scheduler.later({ name: device.options.name, state: "running" }, "is switched on", delayMs, () =>
    reopen(world, device),
  );
}

function endRejection(tab: SimTab | null, how: "discard" | "retry", random: SeededRandom): void {
  if (!tab || tab.rejections.length === 0) return;
  const rejection = random.pick(tab.rejections);
  if (how === "discard") tab.discard(rejection.commit);
  else tab.execute(rejection.commands, rejection.commit);
}

function cut(world: World, device: Device, random: SeededRandom): void {
  const until = world.scheduler.now + random.below(30_000);
  const both = random.below(3);
  if (both !== 1) device.cutUntil.up = until;
  if (both !== 2) device.cutUntil.down = until;
}

function freeze(world: World, tab: SimTab, random: SeededRandom): void {
  tab.owner.state = "frozen";
  if (random.chance(0.2)) return; // Until the world is healed, or for ever.
  world.scheduler.later({ name: tab.owner.name, state: "running" }, "thaws", random.below(60_000), () =>
    thaw(world, tab),
  );
}

export function thaw(world: World, tab: SimTab): void {
  if (tab.owner.state !== "frozen") return;
  tab.owner.state = "running";
  if (world.healed && tab.paused) tab.setPaused(false);
  // Messages of the meantime may run before the page hears that it was frozen.
  world.scheduler.later(tab.owner, "hears that it was frozen", world.random.below(100), () => tab.thawed());
}

function clone(world: World, device: Device): void {
  const copy = device.cloneAs(`${device.options.name}copy`);
  const { entries } = world.journal;
  entries.push({ kind: "copied", device: device.options.name, to: copy.options.name, since: entries.length });
  copy.skewMs = device.skewMs;
  world.devices.push(copy);
  copy.openTab(world.releaseOf(copy));
}

/** One that may still wait: of those made last. */
function withdraw(tab: SimTab | null, random: SeededRandom): void {
  const latest = tab?.made.slice(-3) ?? [];
  if (tab && latest.length > 0) tab.withdraw(random.pick(latest));
}

/** One page of a device shows something, the same one as long as it is there. */
function show(device: Device, random: SeededRandom): void {
  const tab = device.running.find(({ shows }) => shows !== undefined) ?? device.running[0];
  tab?.show(random.chance(0.2) ? null : { at: random.below(100) });
}

/** Rather where something was refused: a file has that too. */
function archiveOne(world: World, tab: SimTab | null): void {
  const refused = world.devices.flatMap(({ running }) => running).find(({ rejections }) => rejections.length > 0);
  const chosen = refused ?? tab;
  const device = world.devices.find(({ running }) => running.some((one) => one === chosen));
  if (chosen && device) archive(world, chosen, device);
}

function goOnline(world: World, random: SeededRandom): void {
  const local = world.devices.filter(({ isLocal }) => isLocal);
  if (local.length > 0) givenServer(world, random.pick(local));
}

/** The app's next release knows a server, so its pages are reloaded. */
export function givenServer(world: World, device: Device): void {
  for (const tab of device.tabs) device.kill(tab);
  device.giveServer();
  reopen(world, device);
}

function crashNode(world: World, random: SeededRandom): void {
  const node = random.pick(world.nodes);
  node.crash();
  world.scheduler.later({ name: node.owner.name, state: "running" }, "starts again", random.below(5_000), () => {
    if (!node.isUp) node.start(world.release());
  });
}

async function restore(world: World, random: SeededRandom): Promise<void> {
  const kept = Math.max(0, world.store.appends - 1 - random.below(8));
  world.scheduler.note(`the store goes back from ${world.store.appends} appends to ${kept}`);
  world.restored = true;
  world.witness.restored();
  world.journal.entries.push({ kind: "restored" });
  await world.store.restore(kept);
  // Some restore under running servers and open sockets.
  if (random.chance(0.5)) for (const node of world.nodes) node.start(node.domain);
}

function changeRight(world: World, random: SeededRandom): void {
  const right = `${random.pick(["read", "write"])} ${random.pick(USERS)} ${random.pick(LOGS)}`;
  if (!world.revoked.delete(right)) world.revoked.add(right);
}
