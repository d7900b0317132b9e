/**
 * A simulated world of servers: two nodes with all of the real server on one store, and random faults.
 *
 * - `keeperPause`: a node stops for a while. `leaseSkew`: two nodes have one lease.
 * - `poison`: a model or a process refuses an event. `handlerFails`: before or after its work, or for ever.
 * - `modelReleases`: the nodes change to a release with other folds and another process manager.
 * - Timers, of which many are due after an outage of all nodes.
 * - Restores of the whole store, and of one log without its followers.
 * - Clocks that jump, failing calls of the store, and crashes at any await.
 */
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import { seededRandom } from "../../../../src/testing/seeded-random.ts";
import { nature, type Owner, Scheduler } from "../../../../src/testing/simulate/scheduler.ts";
import { NO_FAULT, type PlantedFault, type StoreFaults, storeOfNode } from "../followers/shared-store.ts";
import { BackedUpStore } from "./backed-up-store.ts";
import { digestHere, replaceDigest } from "./digest.ts";
import { Commands } from "./draw-command.ts";
import { drawFaults, type ServerFaults } from "./draw-faults.ts";
import { releasesOf } from "./domain.ts";
import { Judge } from "./judge.ts";
import { LogRestores } from "./log-restores.ts";
import { ServerNode } from "./node.ts";
import { operate } from "./operate.ts";
import { LOG } from "./names.ts";
import { type Outage, Timers } from "./timers.ts";

const STEPS = 40;
const HEAL = { rounds: 33, ms: 10_000, quietMs: 30_000 };
const BASE_EVENTS = 12;
const PICKS_MAX = 20_000;
const NO_CHANGES = { fold: false, process: false };

/** Runs a world, and returns what is wrong in words. */
export async function runServers(
  seed: number,
  fault: PlantedFault = NO_FAULT,
  trace: ((line: string) => void) | null = null,
): Promise<readonly string[]> {
  const undoDigest = replaceDigest(digestHere);
  const undoFault = fault.code?.();
  const world = new ServersWorld(seed, fault, trace !== null);
  try {
    return await world.run();
  } finally {
    undoFault?.();
    undoDigest();
    for (const line of world.trace) trace?.(line);
  }
}

class ServersWorld {
  readonly #fault: PlantedFault;
  readonly #scheduler: Scheduler;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #faults: ServerFaults;
  readonly #outage: Outage | null;
  readonly #logRestores: LogRestores | null;
  /** The faults of the store end when the world is healed. */
  #storeFaults: { -readonly [Name in keyof StoreFaults]: StoreFaults[Name] };
  readonly #store = new BackedUpStore();
  readonly #leases = new Map<string, { holder: string; until: number }>();
  readonly #skew = [0, 0];
  readonly #commands: Commands;
  readonly #releases: ReturnType<typeof releasesOf>;
  readonly #judge: Judge;
  #isHealed = false;
  #nodes: ServerNode[] = [];

  constructor(seed: number, fault: PlantedFault, keepTrace: boolean) {
    this.#random = seededRandom(seed);
    this.#fault = fault;
    this.#scheduler = new Scheduler(this.#random, keepTrace);
    this.#faults = drawFaults(this.#random);
    this.#storeFaults = { ...this.#faults };
    const timers = Timers.of(seed, STEPS);
    this.#outage = timers?.outage ?? null;
    this.#logRestores = LogRestores.of(seed, STEPS);
    this.#commands = new Commands(this.#random, this.#faults, timers);
    this.#releases = releasesOf(this.#faults.changes ?? NO_CHANGES);
    this.#judge = new Judge({
      store: this.#store,
      random: this.#random,
      faults: this.#faults,
      releases: this.#releases.map((release) => ({
        domain: release.domain.definition,
        models: [...readModels(release.domain.definition, release.models, this.#store).values()],
      })),
    });
    this.#scheduler.note(JSON.stringify(this.#faults));
  }

  get trace(): readonly string[] {
    return this.#scheduler.trace;
  }

  async run(): Promise<readonly string[]> {
    this.#nodes = [this.#start(0, 0), this.#start(1, 0)];
    for (let step = 0; step < STEPS; step++) {
      if (step === this.#outage?.step) await this.#sleep(this.#outage);
      if (this.#logRestores?.isBefore(step)) await this.#restoreLog(this.#logRestores);
      this.#logRestores?.operate(this.#nodes, this.#judge, false);
      await this.#step();
      await this.#run(this.#random.below(600));
      const problems = await this.#judge.check();
      if (problems.length > 0) return problems;
    }
    return this.#heal();
  }

  /** Lets time pass. Work that never rests would stop the time. */
  async #run(ms: number): Promise<void> {
    const end = this.#scheduler.now + ms;
    const picksMax = this.#scheduler.picks + PICKS_MAX;
    while (this.#scheduler.now < end) {
      await this.#scheduler.runFor(Math.min(100, end - this.#scheduler.now));
      if (this.#scheduler.picks > picksMax) return this.#judge.report(`The servers did not rest within ${ms} ms`);
    }
  }

  #start(index: number, release: 0 | 1): ServerNode {
    const store = (owner: Owner) =>
      storeOfNode(
        this.#store.view((log, append) => this.#judge.watchAppend(log, { release, clock: node.clock }, append)),
        owner,
        this.#scheduler,
        this.#leases,
        this.#storeFaults,
        this.#fault,
      );
    const node = new ServerNode(`n${index + 1}`, {
      scheduler: this.#scheduler,
      release: this.#releases[release],
      effects: this.#judge.effects,
      store,
      skewMs: () => this.#skew[index] ?? 0,
      isBroken: () => !this.#isHealed,
      baseEvents: BASE_EVENTS,
      report: (error) => this.#judge.lostPlaces.report(error),
    });
    return node;
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(20);
    const node = this.#random.pick(this.#nodes);
    if (kind < 11) this.#execute(node);
    else if (kind < 13) operate(node, this.#random, this.#judge);
    else if (kind === 13 && this.#random.chance(0.3)) node.server.poke(LOG);
    else if (kind === 13) this.#judge.reads.begin(node.server, node.release);
    else if (kind === 14 && this.#faults.pause) this.#pause(node.owner);
    else if (kind < 17 && this.#faults.crash) this.#crash(this.#random.below(2));
    else if (kind === 17 && this.#faults.clock) this.#jump();
    else if (kind === 18 && this.#faults.changes) this.#release(this.#random.below(2));
    else if (kind === 19 && this.#faults.restore && this.#random.chance(0.4)) await this.#restore();
  }

  #execute(node: ServerNode): void {
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      const command = this.#commands.draw(node.release);
      this.#scheduler.note(`${node.owner.name} executes ${command.request.stream} ${command.request.name}`);
      this.#judge.calls.execute(node.server, command);
    }
  }

  #pause(owner: Owner): void {
    if (owner.state !== "running") return;
    owner.state = "frozen";
    this.#scheduler.note(`${owner.name} pauses`);
    this.#scheduler.later(nature, "thaw", this.#random.below(40_000), () => {
      if (owner.state === "frozen") owner.state = "running";
    });
  }

  #jump(): void {
    this.#skew[this.#random.below(2)] = this.#random.below(60_000) - 30_000;
  }

  #crash(index: number): void {
    const release = this.#nodes[index]?.release === this.#releases[1] ? 1 : 0;
    this.#restart(index, release);
  }

  /** A node starts with the newer code, and a person does not wait until its models are ready. */
  #release(index: number): void {
    this.#restart(index, 1);
    const node = this.#nodes[index];
    if (node) this.#execute(node);
  }

  #restart(index: number, release: 0 | 1): void {
    const node = this.#nodes[index];
    if (!node) return;
    this.#scheduler.note(`${node.owner.name} starts again with release ${release + 1}`);
    node.owner.state = "dead";
    this.#nodes[index] = this.#start(index, release);
  }

  /** All nodes are down while timers become due, and their clocks jump back meanwhile. */
  async #sleep({ downMs, backMs }: Outage): Promise<void> {
    this.#scheduler.note(`all nodes are down for ${downMs} ms, and their clocks jump back ${backMs} ms`);
    for (const { owner } of this.#nodes) owner.state = "dead";
    await this.#run(downMs);
    this.#skew.fill(-backMs);
    for (const index of this.#nodes.keys()) this.#crash(index);
  }

  /** Restores a backup of the whole store. All nodes stop for it. */
  async #restore(): Promise<void> {
    const kept = this.#random.below(this.#store.writes + 1);
    this.#scheduler.note(`restore of ${kept} of ${this.#store.writes} writes`);
    await this.#stopFor(() => this.#store.restore(kept));
    this.#judge.restored();
    for (const index of this.#nodes.keys()) this.#crash(index);
  }

  /** Restores the records of the log, and leaves its followers. All nodes stop for it. */
  async #restoreLog(restores: LogRestores): Promise<void> {
    const appends = this.#store.appends(LOG);
    const kept = restores.kept(appends);
    this.#scheduler.note(`restore of ${kept} of ${appends} appends of the log alone`);
    await this.#stopFor(() => this.#store.restoreLog(LOG, kept));
    this.#judge.logRestored();
    for (const index of this.#nodes.keys()) this.#crash(index);
  }

  async #stopFor(work: () => Promise<void>): Promise<void> {
    for (const { owner } of this.#nodes) owner.state = "dead";
    await work();
    this.#leases.clear();
  }

  /** Ends all faults, and retries what is parked. Then all work is done. */
  async #heal(): Promise<readonly string[]> {
    this.#scheduler.note("heal");
    this.#isHealed = true;
    this.#storeFaults.failure = 0;
    this.#judge.effects.isHealed = true;
    this.#skew.fill(0);
    const isSecond = this.#nodes.some(({ release }) => release === this.#releases[1]);
    const release = isSecond ? 1 : 0;
    for (const [index, node] of this.#nodes.entries()) {
      // A node that keeps running ends what hangs by itself.
      if (node.release !== this.#releases[release] || this.#random.chance(0.5)) this.#restart(index, release);
      else node.owner.state = "running";
    }
    for (let round = 0; round < HEAL.rounds; round++) {
      await this.#run(HEAL.ms);
      const problems = await this.#judge.check();
      if (problems.length > 0) return problems;
      if ((await this.#judge.end(release)).length === 0) break;
      const [node] = this.#nodes;
      if (node) this.#judge.retryParked(node);
      this.#logRestores?.operate(this.#nodes, this.#judge, true);
    }
    // Late work would show as work that is done twice.
    await this.#run(HEAL.quietMs);
    return this.#judge.end(release);
  }
}
