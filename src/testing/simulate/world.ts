/**
 * The world of a seed: its devices, network and servers, and the chances of faults between them.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Permit } from "../../sync-server/access/authorize.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import type { CommandMaker, SimulateDomains } from "./options.ts";
import { Device, EPOCH_MS } from "./device.ts";
import { type FaultName, NO_FAULTS } from "./faults.ts";
import { type Journal, newJournal } from "./journal.ts";
import { Network, type SlowLink } from "./network.ts";
import { NodeBus } from "./node-bus.ts";
import type { SimulationParts } from "./parts.ts";
import type { Plan } from "./plan.ts";
import { canFold } from "./refold.ts";
import { Scheduler } from "./scheduler.ts";
import { ServerNode } from "./server-node.ts";
import { ServerStore } from "./server-store.ts";
import { ServerWitness } from "./server-witness.ts";
import { WireTap } from "./wire-tap.ts";

export const LOGS = ["team-a", "team-b"] as const;
export const USERS = ["ada", "bob"] as const;
export const HOSTILE = "mallory";

export type WorldOptions = {
  readonly plan: Plan;
  readonly domains: SimulateDomains;
  readonly commands: CommandMaker;
  readonly parts: SimulationParts;
  readonly keepTrace: boolean;
};

/** It has more than 12 fields, because each step and each check reads the whole world. */
export class World {
  readonly options: WorldOptions;
  readonly scheduler: Scheduler;
  readonly store = new ServerStore();
  readonly witness: ServerWitness;
  readonly journal: Journal = newJournal();
  readonly tap: WireTap;
  readonly network: Network;
  /** The messages between server nodes. */
  readonly bus: NodeBus;
  readonly devices: Device[] = [];
  readonly nodes: ServerNode[] = [];
  /** Revoked rights, such as `read ada team-a`. */
  readonly revoked = new Set<string>();
  /** Commands for which `permit` throws, such as `team-a task/t1 rename`. */
  readonly failing = new Set<string>();
  healed = false;
  restored = false;
  /** Other authors' commit ids that the server reported to the hostile member as recorded. */
  readonly squatted: string[] = [];
  /** Errors that a server reported to its operator and that no fault explains. */
  readonly reported: string[] = [];
  readonly #bytes: SeededRandom;

  constructor(options: WorldOptions) {
    const { plan, keepTrace } = options;
    this.options = options;
    this.scheduler = new Scheduler(seededRandom(plan.seed ^ 0x5eed), keepTrace);
    this.#bytes = seededRandom(plan.seed ^ 0xb17e5);
    this.tap = new WireTap(LOGS);
    this.witness = new ServerWitness(this.store, plan.faults.rights > 0 || plan.faults.bases > 0);
    this.network = new Network({
      scheduler: this.scheduler,
      tellsEnds: plan.faults.presence > 0,
      nodes: () => this.nodes,
      chances: {
        loses: (what) =>
          this.happens(what === "request" ? "requestLoss" : what === "answer" ? "answerLoss" : "frameLoss", 0.4),
        doubles: (what) => this.happens(what === "request" ? "doubling" : "frameDoubling", 0.6),
        truncates: () => this.happens("truncation", 0.3),
        delayMs: () =>
          this.happens("lateness", 0.3) ? this.scheduler.random.below(8_000) : 1 + this.scheduler.random.below(60),
      },
    });
    this.bus = new NodeBus(this.scheduler, {
      loses: () => this.happens("nodeMessages", 0.2),
      cuts: () => this.happens("nodeMessages", 0.05),
      delayMs: () => this.scheduler.random.below(this.happens("nodeMessages", 0.2) ? 5_000 : 20),
    });
    for (let index = 0; index < (this.#hasTwoNodes ? 2 : 1); index++) this.nodes.push(this.#node(`node${index + 1}`));
    for (let index = 0; index < plan.devices; index++) this.#device(index);
  }

  get random(): SeededRandom {
    return this.scheduler.random;
  }

  /** The strength of a fault now. */
  strength(fault: FaultName): number {
    return this.healed ? 0 : this.options.plan.faults[fault];
  }

  /** The strength of a fault in the plan, also after the world was healed. */
  strengthInPlan(fault: FaultName): number {
    return this.options.plan.faults[fault];
  }

  happens(fault: FaultName, atMost: number): boolean {
    const strength = this.strength(fault);
    return strength > 0 && this.random.chance(strength * atMost);
  }

  /** The release for a tab of a device that opens now. */
  releaseOf(device: Device): DomainDefinition {
    return device.keepsRelease ?? this.release();
  }

  /** The release for a server that starts now. */
  release(): DomainDefinition {
    const { newest, previous } = this.options.domains;
    return previous && this.strength("releases") > 0 && this.random.chance(0.6) ? previous : newest;
  }

  randomBytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.#bytes.below(256));

  permit: Permit = ({ actor }, request) => {
    const { action, log } = request;
    if (action === "write" && this.failing.has(`${log} ${request.stream} ${request.command}`))
      throw new Error("the database of rights cannot answer");
    return !this.revoked.has(`${action === "read" ? "read" : "write"} ${actor} ${log}`);
  };

  logs(): readonly string[] {
    return this.options.plan.faults.tenants > 0 ? LOGS : LOGS.slice(0, 1);
  }

  get #hasTwoNodes(): boolean {
    return this.strengthInPlan("secondNode") + this.strengthInPlan("nodeMessages") > 0;
  }

  #node(name: string): ServerNode {
    const node: ServerNode = new ServerNode(
      {
        name,
        scheduler: this.scheduler,
        store: this.store,
        failures: {
          before: () => this.happens("appendFails", 0.15),
          after: () => this.happens("appendFails", 0.3),
          lagMs: () => this.scheduler.random.below(this.happens("nodeMessages", 0.1) ? 2_000 : 3),
        },
        slowness: this.#hasTwoNodes ? 30 : 4,
        bus: this.strengthInPlan("nodeMessages") > 0 ? this.bus : null,
        permit: this.permit,
        now: () => EPOCH_MS + this.scheduler.now,
        hasBases: this.strengthInPlan("bases") > 0,
        isStrict: this.options.plan.faults.rateLimits > 0,
        isBusy: () => this.happens("rateLimits", 0.3),
        randomBytes: this.randomBytes,
        parts: this.options.parts,
        witness: this.witness,
        isHonest: (actor) => actor !== HOSTILE,
        report: (error) => this.#report(error, node.domain),
      },
      this.release(),
    );
    if (this.strength("serverClock") > 0) node.skewMs = drawServerSkew(this.random);
    return node;
  }

  #report(error: unknown, domain: DomainDefinition): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.scheduler.note(`server reports ${text}`);
    if (!text.includes("the database") && !this.#isUnfitLog(text, domain)) this.reported.push(text);
  }

  /** True for the report of a server that its release cannot fold a log, if the checker's own fold cannot either. */
  #isUnfitLog(text: string, domain: DomainDefinition): boolean {
    const log = this.logs().find((one) => text.includes(`The log ${one} has an event that this code cannot fold`));
    // A restore may remove the event while the server folds it.
    return log !== undefined && (this.restored || !canFold(this.store.recordsOf(log), domain));
  }

  /** A person opens the log on one more device. */
  addDevice(): void {
    this.#device(this.devices.length);
  }

  #device(index: number): void {
    const logs = this.logs();
    const device = new Device({
      name: `d${index + 1}`,
      log: logs[index % logs.length] ?? LOGS[0],
      user: USERS[Math.floor(index / logs.length) % USERS.length] ?? USERS[0],
      scheduler: this.scheduler,
      network: this.network,
      journal: this.journal,
      parts: this.options.parts,
      faults: () => (this.healed ? NO_FAULTS : this.options.plan.faults),
      randomBytes: this.randomBytes,
      tap: (direction, text, { options }) => this.tap.see(direction, options, text),
    });
    const skew = this.strength("clockSkew");
    if (skew > 0) device.skewMs = drawSkew(this.random, skew);
    const { localFirst, laggards, noLocks, filter, permitThrows, slowLink } = this.options.plan.faults;
    if (filter + permitThrows > 0 && this.random.chance(0.5)) device.whenStuck = "skip";
    if (slowLink > 0 && this.random.chance(0.7)) device.slow = drawSlowLink(this.random);
    if (localFirst > 0) device.isLocal = this.random.chance(0.6);
    if (laggards > 0 && this.random.chance(0.5)) device.keepsRelease = this.options.domains.previous;
    if (noLocks > 0) device.lacksLocks = this.random.chance(0.7);
    this.devices.push(device);
    device.openTab(this.releaseOf(device));
  }
}

/** Draws a link on which a push of some commits takes longer than the silence that its device allows. */
function drawSlowLink(random: SeededRandom): SlowLink {
  const speed = () => (40 + random.below(110)) / 1_000;
  return { upBytesPerMs: speed(), downBytesPerMs: speed(), weight: random.pick([32, 256]) };
}

/** Draws the clock error of a server: seconds, minutes, or half a day for a wrong time zone. */
export function drawServerSkew(random: SeededRandom): number {
  return Math.round((random.below(2_001) / 1_000 - 1) * random.pick([5_000, 10 * 60_000, 12 * 3_600_000]));
}

/** Draws the clock error of a device: minutes, days or years. */
export function drawSkew(random: SeededRandom, strength: number): number {
  const most = [60_000, 86_400_000, 365 * 86_400_000, 10 * 365 * 86_400_000][Math.min(3, random.below(4))] ?? 60_000;
  return Math.round((random.below(2_001) / 1_000 - 1) * most * Math.min(1, strength * 2));
}
