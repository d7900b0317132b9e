/**
 * A simulated world of followers: two nodes with the real keepers and jobs on one store, and random faults.
 *
 * Faults: `keeperPause` (a node stops for a while), `leaseSkew` (two nodes have one lease), `poison` (an event that a
 * model refuses), failing calls of the store before or after their work, and crashes at any await. A log may come by an
 * import while operators use its name, and may be dropped while its jobs run. A restore may take it back, and leave its
 * followers as they are. Nodes may change to a release that writes and knows one more event, or back.
 */
import { ModelJobs } from "../../../../src/sync-server/read-models/model-jobs.ts";
import { ModelKeepers } from "../../../../src/sync-server/read-models/model-keepers.ts";
import { type ReadModel, readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import type { Env } from "../../../../src/sync-server/base/env.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { keysOf } from "../../../../src/testing/model-store/samples.ts";
import { seededRandom } from "../../../../src/testing/seeded-random.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { nature, type Owner, Scheduler } from "../../../../src/testing/simulate/scheduler.ts";
import { parseOwnJson } from "../../own-json.ts";
import { Refolds } from "../refolds.ts";
import { checkRows } from "./check-rows.ts";
import { Cursors } from "./cursors.ts";
import { Deletions } from "./deletions.ts";
import { POISON, type Release, releases, STREAMS } from "./domain.ts";
import { drawFaults, type FollowerFaults } from "./draw-faults.ts";
import { RestorableStore } from "./restorable-store.ts";
import { NO_FAULT, observed, type PlantedFault, type StoreFaults, storeOfNode } from "./shared-store.ts";

const LOG = "log";
/** The name of a log that is being imported. */
const STAGE = "log importing-0";
const STEPS = 40;
const UNKNOWN_MS = 60_000;
const HEAL_MS = 300_000;
const HEAL_PICKS_MAX = 30_000;

type Node = {
  readonly owner: Owner;
  readonly keepers: ModelKeepers;
  readonly jobs: ModelJobs;
  readonly release: Release;
};

const [older, newer] = releases;

/** Runs a world, and returns what is wrong in words. */
export async function runFollowers(seed: number, fault: PlantedFault = NO_FAULT): Promise<readonly string[]> {
  return new FollowersWorld(seed, fault).run();
}

class FollowersWorld {
  readonly #scheduler: Scheduler;
  readonly #restorable = new RestorableStore();
  readonly #store = observed(this.#restorable.store, (write) => {
    this.#deletions.written(write);
    this.#cursors.written(write);
  });
  readonly #leases = new Map<string, { holder: string; until: number }>();
  readonly #records: PlainRecord[] = [];
  readonly #versions = new Map<string, number>();
  /** The marks of records that a restore removed. */
  readonly #lost = new Set<string>();
  readonly #models = [...readModels(newer.domain.definition, newer.models, this.#store).values()];
  readonly #deletions = new Deletions(this.#models);
  #cursors = new Cursors(this.#models);
  #refolds = new Refolds(newer.domain.definition, () => this.#records);
  readonly #faults: FollowerFaults;
  readonly #fault: PlantedFault;
  #isHealed = false;
  #isDropped = false;
  /** A node of the newer release has run, so the log may have its events. */
  #hasNewer = false;
  /** The name of the log of now. */
  #name: string;
  #nodes: Node[] = [];

  constructor(seed: number, fault: PlantedFault) {
    const random = seededRandom(seed);
    this.#fault = fault;
    this.#scheduler = new Scheduler(random, false);
    this.#faults = drawFaults(random, STEPS);
    this.#name = this.#faults.importedAt === null ? LOG : STAGE;
  }

  async run(): Promise<readonly string[]> {
    this.#nodes = [this.#start("n1", older), this.#start("n2", older)];
    for (let step = 0; step < STEPS; step++) {
      if (step === this.#faults.droppedAt) await this.#drop();
      else if (step === this.#faults.importedAt) await this.#import();
      else if (step === this.#faults.restoredAt) await this.#restore();
      else await this.#step();
      await this.#scheduler.runFor(this.#waitMs());
      const problems = await this.#check();
      if (problems.length > 0) return problems;
    }
    return this.#heal();
  }

  /** Now and then longer than an event waits for a node that knows it. */
  #waitMs(): number {
    const { random } = this.#scheduler;
    return this.#faults.releases && random.chance(0.1) ? UNKNOWN_MS + random.below(5_000) : random.below(600);
  }

  #start(name: string, release: Release): Node {
    const faults: StoreFaults = this.#isHealed ? { ...this.#faults, failure: 0 } : this.#faults;
    const owner: Owner = { name, state: "running" };
    const scheduler = this.#scheduler;
    const env: Env = {
      now: () => 1_000_000 + scheduler.now,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => scheduler.random.below(256)),
      setTimer: (run, delayMs) => scheduler.later(owner, "timer", delayMs, run),
      nextTurn: () => scheduler.wait(owner, "turn", scheduler.random.below(3)),
    };
    const store = storeOfNode(this.#store, owner, scheduler, this.#leases, faults, this.#fault);
    const modelStore = store.models;
    if (!modelStore) throw new Error("The store has no models. Use a store with models.");
    const { models, domain } = release;
    const options = { domain: domain.definition, store, models, env, isBusy: () => scheduler.random.chance(0.3) };
    // A failing store is a fault of this world, so its errors are expected.
    const keepers = new ModelKeepers({ ...options, report: () => {}, walkMs: 5_000, ticks: true, turn: null });
    keepers.start();
    return { owner, keepers, jobs: new ModelJobs({ modelStore, keepers, env }), release };
  }

  async #step(): Promise<void> {
    const { random } = this.#scheduler;
    const kind = random.below(11);
    if (kind < 6) await this.#append();
    else if (kind < 8) this.#operate(random.pick(this.#nodes));
    else if (kind === 8 && this.#faults.pause) this.#pause(random.pick(this.#nodes).owner);
    else if (kind === 9 && this.#faults.crash) this.#crash(random.below(2));
    else if (kind === 10 && this.#faults.releases) this.#change(random.below(2));
  }

  /** The import of the log ends, while operators use its name. */
  async #import(): Promise<void> {
    const result = await this.#store.rename(STAGE, LOG);
    const expected = this.#isDropped ? "gone" : this.#records.length === 0 ? "absent" : "ok";
    if (result.kind !== expected) throw new Error(`The world could not import: ${result.kind}, not ${expected}`);
    this.#name = LOG;
  }

  /** The log goes back to its first records, and its followers stay. All nodes stop for it. */
  async #restore(): Promise<void> {
    if (this.#name !== LOG || this.#isDropped || this.#records.length === 0) return;
    for (const { owner } of this.#nodes) owner.state = "dead";
    const kept = this.#scheduler.random.below(this.#records.length + 1);
    for (const { mark } of this.#records.splice(kept)) this.#lost.add(mark);
    await this.#restorable.restore(LOG, kept);
    this.#versions.clear();
    for (const { stream, version } of this.#records.flatMap(({ events }) => events))
      this.#versions.set(stream, version);
    this.#refolds = new Refolds(newer.domain.definition, () => this.#records);
    this.#cursors = new Cursors(this.#models);
    this.#deletions.restored();
    this.#leases.clear();
    for (const index of this.#nodes.keys()) this.#crash(index);
  }

  async #drop(): Promise<void> {
    await this.#store.drop(LOG);
    this.#isDropped = true;
  }

  async #append(): Promise<void> {
    if (this.#isDropped) return;
    const { random } = this.#scheduler;
    const last = this.#records.at(-1);
    const position = last ? last.position + last.events.length : 1;
    const events = Array.from({ length: 1 + random.below(3) }, () => {
      const stream = random.pick(STREAMS);
      const version = (this.#versions.get(stream) ?? 0) + 1;
      this.#versions.set(stream, version);
      if (this.#hasNewer && random.chance(0.1)) return { type: "Doubled", v: 1, stream, version, data: {} };
      const by = this.#faults.poison && random.chance(0.1) ? POISON : 1 + random.below(9);
      return { type: "Counted", v: 1, stream, version, data: { by } };
    });
    const facts = { actor: "ada", time: 1, received: 1, meta: null, events };
    const id = `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`;
    const record = storedRecord({
      position,
      mark: `m${position}-${this.#lost.size}`,
      commit: id,
      client: id,
      ...facts,
    });
    const before = last ? { position: last.position + last.events.length - 1, mark: last.mark } : null;
    const result = await this.#store.append(this.#name, batch(before, { records: [record] }));
    if (result.kind !== "ok") throw new Error(`The world could not append at ${position}: ${result.kind}`);
    this.#records.push(parseOwnJson<PlainRecord>(record.text));
    for (const { owner, keepers } of this.#nodes) if (owner.state === "running") keepers.poke(LOG);
  }

  /** An operator's verb on a random model. A verb may fail with the store. */
  #operate({ jobs, keepers }: Node): void {
    const { random } = this.#scheduler;
    const model = random.pick([...keepers.models.values()]);
    const options = { onError: "park", duty: random.pick([null, 0.5]) } as const;
    const verb = random.below(6);
    const run = async (): Promise<void> => {
      if (verb === 1 || verb === 3) this.#deletions.beginPurge(model);
      if (verb === 0) await jobs.rebuild(LOG, model, options);
      if (verb === 1) await jobs.populate(LOG, [model], options);
      if (verb === 2) await jobs.verify(LOG, model, null);
      if (verb === 3) await jobs.purge(LOG, model);
      if (verb === 4) await this.#delete(jobs, model);
      if (verb === 5) {
        const job = (await jobs.facts(LOG, model))?.job;
        if (job) await jobs.change(LOG, { model, id: job.id }, random.pick(["pause", "resume", "cancel"]));
      }
    };
    void run().catch(() => {});
  }

  async #delete(jobs: ModelJobs, model: ReadModel): Promise<void> {
    const { random } = this.#scheduler;
    const key = model.name === "totals" ? random.pick(STREAMS) : `by-${random.below(3)}`;
    const isDeleted = this.#deletions.begin(model, key);
    if ((await jobs.delete(LOG, model, key)) === "done") isDeleted();
  }

  #pause(owner: Owner): void {
    if (owner.state !== "running") return;
    owner.state = "frozen";
    this.#scheduler.later(nature, "thaw", this.#scheduler.random.below(40_000), () => {
      if (owner.state === "frozen") owner.state = "running";
    });
  }

  #crash(index: number): void {
    const node = this.#nodes[index];
    if (node) this.#restart(index, node.release);
  }

  /** A node starts with the other release. */
  #change(index: number): void {
    const release = this.#nodes[index]?.release === newer ? older : newer;
    this.#hasNewer ||= release === newer;
    this.#restart(index, release);
  }

  #restart(index: number, release: Release): void {
    const node = this.#nodes[index];
    if (!node) return;
    node.owner.state = "dead";
    this.#nodes[index] = this.#start(node.owner.name, release);
  }

  /** Ends all faults. Then each model that follows the log reaches its head. */
  async #heal(): Promise<readonly string[]> {
    this.#isHealed = true;
    this.#restart(0, this.#hasNewer ? newer : older);
    this.#crash(1);
    const picks = this.#scheduler.picks;
    await this.#scheduler.runFor(HEAL_MS);
    const problems = [...(await this.#check())];
    if (this.#scheduler.picks - picks > HEAL_PICKS_MAX) problems.push("The nodes did not rest");
    const found = await this.#store.models?.followers(LOG);
    if (this.#isDropped && found?.kind !== "gone") problems.push(`The dropped log is ${found?.kind}`);
    if (this.#records.length === 0 || found?.kind !== "open") return problems;
    for (const { follower, beside } of this.#models) {
      const [one, job] = [follower, beside].map((of) => found.followers.find(({ name }) => name === of));
      type Notes = { readonly phase: string; readonly hasUnknown?: boolean };
      const { phase, hasUnknown = false } = one ? parseOwnJson<Notes>(one.text) : { phase: "absent" };
      if (hasUnknown) problems.push(`${follower} lacks events that the newer release knows`);
      if (job && parseOwnJson<{ job?: { state: string } }>(job.text).job?.state === "running")
        problems.push(`${beside} did not end`);
      if (phase === "purged") continue;
      if (one?.at?.mark !== found.head?.mark) problems.push(`${follower} (${phase}) did not reach the head`);
    }
    return problems;
  }

  async #check(): Promise<readonly string[]> {
    if (this.#isDropped) return this.#checkDropped();
    const wrong = await checkRows(this.#store, LOG, {
      records: this.#records,
      lost: this.#lost,
      models: this.#models,
      refolds: this.#refolds,
      deletions: this.#deletions,
    });
    return [...this.#deletions.problems, ...this.#cursors.problems, ...wrong];
  }

  /** No write that was on its way brings rows of a dropped log back. */
  async #checkDropped(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const { follower, beside } of this.#models)
      for (const name of [follower, beside])
        if (await this.#store.models?.rows(LOG, name, "rows", keysOf()))
          problems.push(`${name} has rows of a log that was dropped`);
    return problems;
  }
}
