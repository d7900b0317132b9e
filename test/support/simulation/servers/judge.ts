/** The checker of the simulated servers: it sees the store, the answers and the effects, and says what is wrong. */
import type { DomainDefinition } from "../../../../src/core/domain/definition.ts";
import type { RowsPage, SyncServer } from "../../../../src/sync-server/app.ts";
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { AppendResult } from "../../../../src/sync-server/stores/event-store.ts";
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import { Refolds } from "../refolds.ts";
import type { BackedUpStore } from "./backed-up-store.ts";
import { Calls } from "./calls.ts";
import { Deletions, type Model } from "../followers/deletions.ts";
import { checkJobs } from "./check-log.ts";
import { followersIn, ModelChecks, type ModelsOfRelease, watchStrong } from "./check-models.ts";
import { checkPlace } from "./check-place.ts";
import type { Release } from "./domain.ts";
import type { ServerFaults } from "./draw-faults.ts";
import { Effects } from "./effects.ts";
import { FlowReleases } from "./flow-releases.ts";
import { Ledger } from "./ledger.ts";
import { LostPlaces } from "./lost-places.ts";
import type { ServerNode } from "./node.ts";
import { ECHO, FLOW, LOG, MAILER, OTHER_LOG } from "./names.ts";
import { Reads } from "./reads.ts";

export type JudgeParts = {
  readonly store: BackedUpStore;
  readonly random: SeededRandom;
  readonly faults: ServerFaults;
  readonly releases: readonly { readonly domain: DomainDefinition; readonly models: readonly ReadModel[] }[];
};

/** The facts that the checker read from the log. A restore begins another history. */
type History = {
  readonly ledger: Ledger;
  readonly other: Ledger;
  readonly models: ModelChecks;
  readonly flow: FlowReleases;
  readonly releases: readonly ModelsOfRelease[];
  readonly deletions: Deletions;
  readonly lost: LostPlaces;
};

const FOLLOWER = `subscriber/${MAILER}`;

export class Judge {
  readonly effects: Effects;
  readonly calls: Calls;
  readonly reads: Reads;
  readonly #parts: JudgeParts;
  readonly #problems: string[] = [];
  /** The followers that an operator began to reset because of a restore. */
  readonly #resets = new Set<string>();
  #history: History;
  /** The clocks of the nodes that appended, by commit. */
  readonly #clocks = new Map<string, number>();
  /** The model writes that the deletions have seen. */
  #seen = 0;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    const ledger = () => this.#history.ledger;
    this.effects = new Effects(parts.random, ledger, () => this.lostPlaces, parts.faults.handlerFailure);
    this.calls = new Calls(this.#records, ledger, (name, count) => this.#ownerOf(name, count));
    this.reads = new Reads(parts.random, {
      records: this.#records,
      endOf: (at) => this.#history.ledger.endOf(at),
      fold: (release, count) => this.#ofRelease(release).refolds.after(count),
    });
    this.#history = this.#newHistory(new Deletions(this.#totals));
  }

  readonly #records = (): readonly PlainRecord[] => this.#parts.store.records(LOG);

  /** The deletions of now. */
  get deletions(): Deletions {
    const { deletions } = this.#history;
    const writes = this.#parts.store.modelWrites(LOG);
    for (let write = writes[this.#seen]; write; write = writes[++this.#seen]) deletions.written(write);
    return deletions;
  }

  /** The places that a restore of the log alone removed. */
  get lostPlaces(): LostPlaces {
    return this.#history.lost;
  }

  /** The cursors of all records, as texts. */
  get ends(): readonly string[] {
    return this.#records().map(({ position, events, mark }) => `${position + events.length - 1}-${mark}`);
  }

  /** An operator begins to reset a follower whose place is lost. */
  beginReset(follower: string): void {
    this.#resets.add(follower);
  }

  get #totals(): readonly ReadModel[] {
    return this.#parts.releases.flatMap(({ models }) => models).filter(({ name }) => name === "totals");
  }

  /** The model `totals` of a release. */
  totalsOf(release: Release): Model {
    const found = this.#ofRelease(release).models.find(({ name }) => name === release.totals.definition.name);
    if (!found) throw new Error("A release has no model `totals`. Add it to the release.");
    return found;
  }

  #ofRelease({ domain }: Release): ModelsOfRelease {
    const index = this.#parts.releases.findIndex((one) => one.domain === domain.definition);
    const found = this.#history.releases[index];
    if (!found) throw new Error("The checker does not know a release. Pass it to the judge.");
    return found;
  }

  /** The log has another history from now on. */
  restored(): void {
    this.#history = this.#newHistory(new Deletions(this.#totals, this.#history.deletions));
    this.#seen = 0;
    this.calls.forget();
  }

  /** The log has another history from now on, and its followers have not. */
  logRestored(): void {
    const { deletions } = this;
    deletions.restored();
    this.#history = this.#newHistory(deletions);
    this.calls.forget();
  }

  #newHistory(deletions: Deletions): History {
    const { store, releases } = this.#parts;
    const lost = new LostPlaces(store);
    const ledger = new Ledger(LOG, this.#records);
    return {
      ledger,
      other: new Ledger(OTHER_LOG, () => store.records(OTHER_LOG)),
      models: new ModelChecks(LOG, ledger, lost.isLostMark),
      deletions,
      lost,
      flow: new FlowReleases(
        () => store.modelWrites(LOG),
        () => this.#resets.has(`process/${FLOW}`),
      ),
      releases: releases.map(({ domain, models }) => ({ models, refolds: new Refolds(domain, this.#records) })),
    };
  }

  /** `clock`: the latest time that the clock of the node has shown. */
  async watchAppend(
    log: string,
    { release, clock }: { readonly release: 0 | 1; readonly clock: number },
    append: () => Promise<AppendResult>,
  ): Promise<AppendResult> {
    const models = this.#history.releases[release];
    const count = (): number => this.#records().length;
    if (log !== LOG || !models) return append();
    const before = count();
    const { result, problems } = await watchStrong(() => this.#parts.store.models, log, models, count, append);
    for (const { commit } of this.#records().slice(before)) if (result.kind === "ok") this.#clocks.set(commit, clock);
    this.#problems.push(...problems);
    return result;
  }

  report(problem: string): void {
    this.#problems.push(problem);
  }

  /** Returns the problems of now. */
  async check(): Promise<readonly string[]> {
    const { models } = this.#parts.store;
    const { ledger, other, releases, models: checks, lost } = this.#history;
    const { deletions } = this;
    return [
      ...this.#problems,
      ...this.effects.problems,
      ...this.reads.problems,
      ...lost.problems,
      ...deletions.problems,
      ...this.calls.check(),
      ...ledger.problems,
      ...other.problems,
      ...this.#checkJobs(false),
      ...(await checks.check(models, releases, (follower) => deletions.of(follower))),
      ...(await checkPlace(models, ledger, this.effects, lost)),
    ];
  }

  /** Returns what is left to do or wrong, after all faults are healed. */
  async end(release: 0 | 1): Promise<readonly string[]> {
    const { store } = this.#parts;
    const { ledger, other, releases } = this.#history;
    const problems = [...(await this.check()), ...this.#checkJobs(true)];
    for (const { id, position } of ledger.counted.all) {
      if (position <= this.lostPlaces.continuedAt(FOLLOWER)) continue;
      if (!this.effects.isOver(id)) problems.push(`the event ${id} was never handled`);
      // An operator may skip an event that was done before a restore.
      if (this.effects.skipped.has(id)) continue;
      if (ledger.notesOf(id) !== 1 && !this.lostPlaces.hasLostCommand(id))
        problems.push(`${LOG} has no note of the event ${id}`);
      if (other.notesOf(id) !== 1) problems.push(`${OTHER_LOG} has no note of the event ${id}`);
    }
    if (this.#records().length === 0) return problems;
    const found = await store.models.followers(LOG);
    const expected = [...(releases[release]?.models ?? []).map(({ follower }) => follower), FOLLOWER];
    for (const name of [...expected, `process/${FLOW}`, `process/${ECHO}`]) {
      const follower = followersIn(found).find((one) => one.name === name);
      if (found.kind !== "open" || follower?.at?.mark !== found.head?.mark)
        problems.push(`${name} did not reach the head: ${JSON.stringify(follower)}`);
    }
    return problems;
  }

  /** An operator retries what is parked, now that the code is fixed. */
  retryParked({ server, release }: ServerNode): void {
    const { subscribers, processes, models } = server.log(LOG);
    this.deletions.beginPurge(this.totalsOf(release));
    const verbs = [
      models.populate(release.totals),
      subscribers.resume(MAILER),
      subscribers.retry(MAILER),
      processes.resume(FLOW),
      processes.retry(FLOW),
    ];
    for (const verb of verbs) void verb.catch(() => {});
  }

  /** Reads a model in pages, as a program does. */
  async readPages(server: SyncServer, { totals }: Release): Promise<void> {
    const keys: string[] = [];
    for (let after: string | null = null; ;) {
      const page: RowsPage<unknown> = await server
        .log(LOG)
        .rows(totals, { limit: 2, waitMs: 0, ...(after !== null && { after }) });
      keys.push(...page.rows.map(({ key }) => key));
      if (page.next === null) break;
      after = page.next;
    }
    const sorted = [...keys].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    if (keys.join() !== sorted.join()) this.#problems.push(`pages have their keys out of order: ${keys.join()}`);
  }

  #ownerOf(name: string, count: number): string | null {
    const row = this.#history.releases[0]?.refolds.after(count).rows.get(`names ${name}`);
    return row === undefined ? null : (parseOwnJson<{ owner: string } | null>(row)?.owner ?? null);
  }

  #checkJobs(isOver: boolean): readonly string[] {
    const { ledger, flow, lost } = this.#history;
    return checkJobs(ledger.jobs, {
      ...flow.facts(),
      continuedAt: lost.continuedAt(`process/${FLOW}`, `process/${ECHO}`),
      hasContinued: lost.hasContinued,
      hasLostCommand: lost.hasLostCommand,
      hasPauses: this.#parts.faults.pause,
      clockOf: ({ commit, received }) => this.#clocks.get(commit) ?? received,
      isOver,
    });
  }
}
