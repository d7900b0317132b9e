/**
 * A device: one database for a log and a user, its clock, its link, and the tabs that share them.
 *
 * Guarantees: writes that queue work are strict, all other writes are relaxed. A power cut returns to one of the states
 * since the last strict write, never to a mixture.
 */
import type { Env } from "../../client/env/env.ts";
import type { WhenStuck } from "../../client/messages/worker-messages.ts";
import type { LogStore } from "../../client/stores/log-store.ts";
import { MemoryDatabase } from "../../client/stores/memory/database.ts";
import { memoryLogStore } from "../../client/stores/memory-log-store.ts";
import { storageFull, storageLost } from "../../client/stores/storage-errors.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import { DeviceChannels, DeviceLocks } from "./device-locks.ts";
import type { Faults } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { Link, Network, SlowLink } from "./network.ts";
import type { SimulationParts } from "./parts.ts";
import type { Owner, Scheduler } from "./scheduler.ts";
import { simTransport } from "./sim-transport.ts";
import { SimTab } from "./tab.ts";
import { parseOwnJson } from "../../core/values/json.ts";

/** Midsummer 2025: when every simulation begins. */
export const EPOCH_MS = 1_750_000_000_000;
const WRITES = new Set([
  "appendPending",
  "removeRejections",
  "confirm",
  "cutBack",
  "fill",
  "join",
  "writeRows",
  "replaceRows",
  "seal",
]);
/** Written `strict`, as the store's adapter for browsers does: all that is the only copy of a person's work. */
const STRICT_WRITES = new Set(["appendPending", "cutBack", "fill", "join"]);
/** Relaxed writes that a power cut may take, at most: what is older has reached the disk. */
const RELAXED_MAX = 12;

export type DeviceOptions = {
  readonly name: string;
  readonly log: string;
  readonly user: string;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly journal: Journal;
  readonly parts: SimulationParts;
  /** The faults that are on now: none once the world was healed. */
  readonly faults: () => Faults;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly tap: (direction: "out" | "in" | "early", text: string, device: Device) => void;
};

/** More than 12 fields, because faults change each part of a device on its own, and checks read each. */
export class Device {
  readonly options: DeviceOptions;
  database: MemoryDatabase;
  tabs: SimTab[] = [];
  skewMs = 0;
  cutUntil = { up: 0, down: 0 };
  fullUntil = 0;
  /** The speed of its link. It stays after the world is healed. */
  slow: SlowLink | null = null;
  isCopy = false;
  /** Opened without a server. */
  isLocal = false;
  /** Commits without events that it had confirmed itself when it was given a server. */
  readonly leftBehind = new Set<string>();
  /** The release that this device always runs. Null: it follows the other devices. */
  keepsRelease: DomainDefinition | null = null;
  evicted = false;
  /** Its browser has no Web Locks. */
  lacksLocks = false;
  /** False: the server refuses its token. */
  isSignedIn = true;
  /** The numbers of `asked` entries whose commits a filter on its link refuses. */
  readonly filtered = new Set<number>();
  whenStuck: WhenStuck = "wait";
  #tabs = 0;
  #durable: MemoryDatabase[];
  #locks: DeviceLocks;
  #channels: DeviceChannels;

  constructor(options: DeviceOptions, database: MemoryDatabase | null = null) {
    this.options = options;
    const { scheduler, randomBytes } = options;
    this.database =
      database ?? new MemoryDatabase(() => uuidv7(EPOCH_MS + scheduler.now, randomBytes(UUID_RANDOM_BYTES)));
    this.#durable = [this.database.copy()];
    this.#locks = new DeviceLocks(scheduler);
    this.#channels = new DeviceChannels(scheduler, () => this.#copiesOfMessage());
  }

  get running(): readonly SimTab[] {
    return this.tabs.filter((tab) => tab.isReady);
  }

  now(): number {
    return EPOCH_MS + this.options.scheduler.now + this.skewMs;
  }

  openTab(domain: DomainDefinition): SimTab {
    const { name, log, user, journal, scheduler, network, parts, tap } = this.options;
    const owner: Owner = { name: `${name}.${++this.#tabs}`, state: "running" };
    const running = parts.release?.(domain, "tab") ?? domain;
    const context = {
      database: this.database,
      log,
      user,
      domain,
      random: scheduler.random,
      isCalledOffline: () => tab.isCalledOffline,
      wait: (label: string, ms: number) => scheduler.wait(owner, label, ms),
    };
    const store = this.#store(owner);
    const transport = simTransport({
      network,
      scheduler,
      owner,
      link: this.#link(),
      log,
      actor: user,
      wokeAt: () => tab.wokeAt,
      isSignedIn: () => this.isSignedIn,
      isFiltered: (text) => [...this.filtered].some((ask) => text.includes(`"ask":${ask},`)),
      tap: (direction, text) => tap(direction, text, this),
    });
    const tab: SimTab = new SimTab({
      owner,
      device: name,
      domain,
      running,
      log,
      user,
      journal,
      whenStuck: this.whenStuck,
      env: parts.env?.(this.#env(owner)) ?? this.#env(owner),
      store: parts.logStore?.(store, context) ?? store,
      transport: this.isLocal ? null : (parts.transport?.(transport, context) ?? transport),
    });
    this.tabs.push(tab);
    scheduler.note(`${owner.name} opens with domain ${domain.version}${this.isLocal ? ", without a server" : ""}`);
    tab.opened = tab.start();
    void tab.opened.then((opened) => {
      if (!opened) this.kill(tab);
    });
    return tab;
  }

  kill(tab: SimTab): void {
    tab.owner.state = "dead";
    this.#locks.dropOwner(tab.owner);
    this.#channels.dropOwner(tab.owner);
    this.tabs = this.tabs.filter((other) => other !== tab);
  }

  /** All tabs die, and with them the last relaxed writes. */
  cutPower(): void {
    for (const tab of this.tabs) this.kill(tab);
    const survived =
      this.options.faults().powerCut > 0 ? this.options.scheduler.random.pick(this.#durable) : this.database;
    this.database = survived.copy();
    this.#durable = [this.database.copy()];
  }

  /** A second device with the same content, as a copied profile is. */
  cloneAs(name: string): Device {
    const copy = new Device({ ...this.options, name }, this.database.copy());
    copy.isCopy = this.isCopy = true;
    copy.isLocal = this.isLocal;
    copy.keepsRelease = this.keepsRelease;
    copy.lacksLocks = this.lacksLocks;
    copy.whenStuck = this.whenStuck;
    return copy;
  }

  /** A device with nothing on it and no server yet, to which someone moves. */
  freshAs(name: string): Device {
    const fresh = new Device({ ...this.options, name });
    fresh.skewMs = this.skewMs;
    fresh.isLocal = fresh.isCopy = this.isCopy = true;
    fresh.keepsRelease = this.keepsRelease;
    fresh.lacksLocks = this.lacksLocks;
    fresh.whenStuck = this.whenStuck;
    return fresh;
  }

  /** From now on its tabs are opened with a server. */
  giveServer(): void {
    if (!this.isLocal) return;
    this.isLocal = false;
    for (const text of this.database.open().sent.values()) {
      const { commit } = parseOwnJson<{
        readonly commit: { readonly id: string; readonly commands: readonly { readonly events: readonly unknown[] }[] };
      }>(text);
      if (commit.commands.every(({ events }) => events.length === 0)) this.leftBehind.add(commit.id);
    }
  }

  signOut(): void {
    this.isSignedIn = false;
  }

  evict(): void {
    this.evicted = true;
    this.database.delete();
    this.#durable = [this.database.copy()];
  }

  #store(owner: Owner): LogStore {
    const { scheduler, faults } = this.options;
    const database = this.database;
    const fails = (strength: number) => strength > 0 && scheduler.random.chance(strength * 0.15);
    const store = memoryLogStore(database, {
      before: async (operation) => {
        await scheduler.wait(owner, `store ${operation}`, scheduler.random.below(4));
        const { storeAbort, storeLost } = faults();
        if (scheduler.now < this.fullUntil && WRITES.has(operation)) throw storageFull();
        if (!fails(storeAbort) && !fails(storeLost)) return;
        scheduler.note(`fault: store ${operation} of ${owner.name} fails`);
        throw storageLost("unreachable");
      },
      after: async (operation) => {
        if (faults().powerCut > 0 && WRITES.has(operation) && database === this.database)
          this.#remember(STRICT_WRITES.has(operation));
        await scheduler.wait(owner, `stored ${operation}`, scheduler.random.below(3));
      },
    });
    return withLostEnds(store, memoryLogStore(database), async (operation) => {
      if (!fails(faults().storeLost)) return false;
      scheduler.note(`fault: ${owner.name} is not told the end of ${operation}`);
      await scheduler.wait(owner, "opens its storage again", 50 + scheduler.random.below(400));
      return true;
    });
  }

  #remember(isStrict: boolean): void {
    if (isStrict) this.#durable = [];
    this.#durable.push(this.database.copy());
    if (this.#durable.length > RELAXED_MAX) this.#durable.shift();
  }

  #env(owner: Owner): Env {
    const { scheduler, randomBytes } = this.options;
    return {
      now: () => this.now(),
      elapsed: () => scheduler.now,
      randomBytes: randomBytes,
      chance: () => scheduler.random.below(1_000_000) / 1_000_000,
      setTimer: (run, delayMs) => scheduler.later(owner, `timer ${Math.round(delayMs)}`, delayMs, run),
      channel: (name) => this.#channels.open(owner, name),
      lock: (name, options, held) =>
        this.lacksLocks
          ? Promise.reject(new TypeError("navigator.locks is undefined"))
          : this.#locks.request(owner, name, options, held),
    };
  }

  #link(): Link {
    const { scheduler } = this.options;
    return {
      cutUp: () => scheduler.now < this.cutUntil.up,
      cutDown: () => scheduler.now < this.cutUntil.down,
      slow: () => this.slow,
    };
  }

  #copiesOfMessage(): number {
    const { scheduler, faults } = this.options;
    const strength = faults().tabMessages;
    if (strength === 0 || !scheduler.random.chance(strength * 0.5)) return 1;
    return scheduler.random.chance(0.5) ? 0 : 2;
  }
}

/** A connection that dies after a write: it reports no end, and the next connection repeats the write. */
function withLostEnds(store: LogStore, next: LogStore, isLost: (operation: string) => Promise<boolean>): LogStore {
  const twice = async <T>(operation: string, run: (on: LogStore) => Promise<T>): Promise<T> => {
    const told = await run(store);
    return (await isLost(operation)) ? run(next) : told;
  };
  return {
    ...store,
    appendPending: (...facts) => twice("appendPending", (on) => on.appendPending(...facts)),
    confirm: (...facts) => twice("confirm", (on) => on.confirm(...facts)),
    cutBack: (...facts) => twice("cutBack", (on) => on.cutBack(...facts)),
    fill: (...facts) => twice("fill", (on) => on.fill(...facts)),
    join: (...facts) => twice("join", (on) => on.join(...facts)),
    writeRows: (...facts) => twice("writeRows", (on) => on.writeRows(...facts)),
    replaceRows: (...facts) => twice("replaceRows", (on) => on.replaceRows(...facts)),
  };
}
