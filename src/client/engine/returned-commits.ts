/**
 * The own commits that return to the queue when this log is cut back, and what becomes of them.
 *
 * Only memory has it: it ends with `acknowledge`, or with the tab.
 */
import { positionOf } from "../../core/history/record.ts";
import type { SentAgain, Settled } from "../messages/log-types.ts";
import type { LocalLog, SettledEntry } from "./local-log.ts";

export class ReturnedCommits {
  readonly #waiting = new Set<string>();
  #report: SentAgain | null = null;

  get report(): SentAgain | null {
    return this.#report;
  }

  /** Compares the log before and after a reload. A log that was dropped with the right to read returns no commit. */
  reloaded(before: LocalLog, local: LocalLog, now: number): void {
    this.refreshed([], local);
    const { entries, head } = local;
    if (head.generation === before.head.generation) return;
    const returned = [...entries.keys()].filter((id) => !before.entries.has(id));
    // An empty log joined from a base, so nothing was cut back.
    if (returned.length === 0 && (before.head.cursor === null || head.droppedEnd !== null)) return;
    for (const id of returned) this.#waiting.add(id);
    const report = this.#report ?? { accepted: 0, rebased: 0, rejected: 0, commits: 0 };
    this.#report = {
      ...report,
      at: now,
      position: positionOf(head.cursor),
      commits: report.commits + returned.length,
    };
  }

  /**
   * The log was refreshed, or loaded again. Without a record, the rejections show whether the server accepted a commit.
   *
   * It checks all that waited, because a reload and a refresh that failed half way return no settled commits.
   */
  refreshed(settled: readonly SettledEntry[], { entries, rejections }: LocalLog): void {
    for (const { entry, arrived } of settled) if (arrived) this.settle({ ...arrived, commit: entry.commit.id });
    const rejected = new Set(rejections.map(({ commit }) => commit.id));
    for (const commit of this.#waiting)
      if (!entries.has(commit)) this.settle({ commit, outcome: rejected.has(commit) ? "rejected" : "accepted" });
  }

  settle({ commit, outcome }: Pick<Settled, "commit" | "outcome">): void {
    const report = this.#report;
    if (this.#waiting.delete(commit) && report) this.#report = { ...report, [outcome]: report[outcome] + 1 };
  }

  acknowledge(): void {
    this.#waiting.clear();
    this.#report = null;
  }
}
