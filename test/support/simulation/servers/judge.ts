/** The checker of the simulated servers: it sees the store, the answers and the effects, and says what is wrong. */
import type { DomainDefinition } from "../../../../src/core/domain/definition.ts";
import type { RowsPage, SyncServer } from "../../../../src/sync-server/app.ts";
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { AppendResult } from "../../../../src/sync-server/stores/event-store.ts";
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import type { BackedUpStore } from "./backed-up-store.ts";
import { Calls } from "./calls.ts";
import { checkDecisions, checkJobs, type JobFacts, notesIn } from "./check-log.ts";
import { followersIn, ModelChecks, type ModelsOfRelease, watchStrong } from "./check-models.ts";
import { checkPlace } from "./check-place.ts";
import type { Release } from "./domain.ts";
import type { ServerFaults } from "./draw-faults.ts";
import { countedIn, Effects } from "./effects.ts";
import type { ServerNode } from "./node.ts";
import { FLOW, LOG, MAILER, OTHER_LOG } from "./reactions.ts";
import { Refolds } from "./refolds.ts";

export type JudgeParts = {
  readonly store: BackedUpStore;
  readonly random: SeededRandom;
  readonly faults: ServerFaults;
  readonly releases: readonly { readonly domain: DomainDefinition; readonly models: readonly ReadModel[] }[];
};

export class Judge {
  readonly effects: Effects;
  readonly calls: Calls;
  readonly #parts: JudgeParts;
  readonly #problems: string[] = [];
  #releases: readonly ModelsOfRelease[] = [];
  #models: ModelChecks;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.effects = new Effects(parts.random, this.#records, parts.faults.handlerFailure);
    this.calls = new Calls(this.#records, (name, count) => this.#ownerOf(name, count));
    this.#models = new ModelChecks(LOG, this.#records);
    this.restored();
  }

  readonly #records = (): readonly PlainRecord[] => this.#parts.store.records(LOG);

  /** The log has another history from now on. */
  restored(): void {
    const { releases } = this.#parts;
    this.#releases = releases.map(({ domain, models }) => ({ models, refolds: new Refolds(domain, this.#records) }));
    this.#models = new ModelChecks(LOG, this.#records);
    this.calls.forget();
  }

  async watchAppend(log: string, release: 0 | 1, append: () => Promise<AppendResult>): Promise<AppendResult> {
    const models = this.#releases[release];
    if (log !== LOG || !models) return append();
    const { result, problems } = await watchStrong(() => this.#parts.store.models, log, models, this.#records, append);
    this.#problems.push(...problems);
    return result;
  }

  report(problem: string): void {
    this.#problems.push(problem);
  }

  /** Returns the problems of now. */
  async check(): Promise<readonly string[]> {
    const { store } = this.#parts;
    return [
      ...this.#problems,
      ...this.effects.problems,
      ...this.calls.check(),
      ...checkDecisions(this.#records()),
      ...checkJobs(this.#records(), await this.#jobFacts(false)),
      ...this.#doubled(),
      ...(await this.#models.check(store.models, this.#releases)),
      ...(await checkPlace(store.models, this.#records(), this.effects)),
    ];
  }

  /** Returns the problems that are left after all faults are healed and all work is done. */
  async end(release: 0 | 1): Promise<readonly string[]> {
    const { store } = this.#parts;
    const problems = [...(await this.check()), ...checkJobs(this.#records(), await this.#jobFacts(true))];
    for (const { id } of countedIn(this.#records())) {
      if (!this.effects.isOver(id)) problems.push(`the event ${id} was never handled`);
      // An operator may skip an event that was done before a restore.
      if (this.effects.skipped.has(id)) continue;
      for (const log of [LOG, OTHER_LOG])
        if ((notesIn(store.records(log)).get(id) ?? 0) !== 1) problems.push(`${log} has no note of the event ${id}`);
    }
    if (this.#records().length === 0) return problems;
    const found = await store.models.followers(LOG);
    const expected = [
      ...(this.#releases[release]?.models ?? []).map(({ follower }) => follower),
      `subscriber/${MAILER}`,
    ];
    for (const name of [...expected, `process/${FLOW}`]) {
      const follower = followersIn(found).find((one) => one.name === name);
      if (found.kind !== "open" || follower?.at?.mark !== found.head?.mark)
        problems.push(`${name} did not reach the head: ${JSON.stringify(follower)}`);
    }
    return problems;
  }

  /** An operator retries what is parked, now that the code is fixed. */
  retryParked({ server }: ServerNode): void {
    const { subscribers, processes } = server.log(LOG);
    const verbs = [
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

  #doubled(): readonly string[] {
    return [LOG, OTHER_LOG].flatMap((log) =>
      [...notesIn(this.#parts.store.records(log))].flatMap(([event, count]) =>
        count > 1 ? [`${log} has ${count} notes of the event ${event}`] : [],
      ),
    );
  }

  #ownerOf(name: string, count: number): string | null {
    const row = this.#releases[0]?.refolds.after(count).rows.get(`names ${name}`);
    return row === undefined ? null : (parseOwnJson<{ owner: string } | null>(row)?.owner ?? null);
  }

  async #jobFacts(isOver: boolean): Promise<JobFacts> {
    const { store, faults } = this.#parts;
    const name = `process/${FLOW}`;
    let swappedAt: number | null = null;
    let before: { readonly identity: string; readonly at: number } | null = null;
    for (const { followers } of store.modelWrites(LOG))
      for (const { name: follower, next } of followers) {
        if (follower !== name || !next || next === "check") continue;
        const { identity } = parseOwnJson<{ identity: string }>(next.text);
        // The newer code reacts from the place of the older code on.
        if (before && before.identity !== identity) swappedAt = before.at;
        before = { identity, at: next.at?.position ?? 0 };
      }
    const identity = before?.identity ?? "";
    return { swappedAt, isSecond: identity.startsWith(`${FLOW}@2`), hasOneClock: !faults.clock, isOver };
  }
}
