/**
 * Joins a long log from a base of the server: all rows at one cursor, instead of all records.
 *
 *     first page, and more behind it ── header ── pages ── hashes right? ── one transaction ── pull what follows
 *
 * Guarantees (test/unit/client/sync/joining.test.ts):
 * - A base is taken whole, or not at all. If anything about it does not fit, the device pulls the whole log.
 * - A base that changes while it is read is read again.
 * - Pending commits stay. A device with pending commits joins only with the answer to its push. The answer shows which
 *   of them the base contains, so that no reader sees one twice.
 * - A device that dropped its log joins only if the server still has the end of it. If the base ends before it, the
 *   records behind the base show that again.
 * - A pull waits for a join that a push began. Otherwise records would come first, and the base would be useless.
 * - An answer settles a commit only if the server still has its record after it sent the header.
 */
import { type PackedTable, tableNames, tablesOf, textHash } from "../../core/fold/packed-tables.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import type { BaseBucket, BaseHeader } from "../../core/wire/messages.ts";
import { parseBasePage } from "../../core/wire/read-messages.ts";
import type { Engine } from "../engine/engine.ts";
import type { ServerAnswer } from "../engine/plan-confirmation.ts";
import type { StoredRows } from "../stores/log-store.ts";
import type { Transport } from "./transport.ts";

/** How often a tab begins to join. After that it pulls the whole log, whatever the server does. */
const JOINS_MAX = 3;

export class Joining {
  readonly #engine: Engine;
  readonly #transport: Transport;
  #joins = 0;
  /** Resolves when no join is under way. */
  ended: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, transport: Transport) {
    this.#engine = engine;
    this.#transport = transport;
  }

  /** True: the log now begins at a base. `answer` is the server's to this device, which has no records yet. */
  join(answer: ServerAnswer): Promise<boolean> {
    const joined = this.#join(answer);
    this.ended = joined.catch(() => {});
    return joined;
  }

  async #join(answer: ServerAnswer): Promise<boolean> {
    const { head, replica } = this.#engine;
    const { more, after } = answer.page;
    // A push may follow the end of the dropped log.
    const isOfThisLog = after === null ? more : sameCursor(after, head.droppedEnd);
    if (!isOfThisLog || replica.cursor !== null || this.#joins >= JOINS_MAX) return false;
    this.#joins++;
    const recorded = answer.outcomes.flatMap((one) => (one.outcome === "recorded" ? [one.at] : []));
    const base = await this.#read([head.droppedEnd, ...recorded]);
    if (base === null) this.#joins = JOINS_MAX;
    return base !== null && this.#engine.join(base, answer);
  }

  /** A log that has the last of these ends has the others too. */
  async #isHistoryThere(ends: readonly (Cursor | null)[]): Promise<boolean> {
    const last = ends.reduce((one, other) => (positionOf(other) > positionOf(one) ? other : one));
    return last === null || (await this.#transport.pull(last, 1)).kind === "answer";
  }

  /** Null: there is no base for this device. `ends`: where records end that this device knows to be on the server. */
  async #read(ends: readonly (Cursor | null)[]): Promise<StoredRows | null> {
    for (let reads = 0; reads < JOINS_MAX; reads++) {
      const header = await this.#transport.base?.();
      if (header?.kind !== "answer" || !this.#fits(header.answer)) return null;
      // Checked after the base's cursor is known. Otherwise a restore in between could make a base without them.
      if (!(await this.#isHistoryThere(ends))) return null;
      const read = await this.#readPages(header.answer);
      const { version } = this.#engine.replica.domain;
      if (read !== "gone") return read && { checkpoint: header.answer.cursor, tables: read, version };
    }
    return null;
  }

  /** Rows of other versions of this code would show something else than the fold of the log. */
  #fits({ tables }: BaseHeader): boolean {
    const names = new Set(tableNames(this.#engine.replica.domain).values());
    return tables.length === names.size && tables.every((name) => names.has(name));
  }

  async #readPages({ cursor, tables, pages }: BaseHeader): Promise<readonly PackedTable[] | "gone" | null> {
    const buckets: BaseBucket[] = [];
    for (const [n, { bytes, hash }] of pages.entries()) {
      const text = await this.#transport.basePage?.(cursor, n);
      if (typeof text !== "string") return "gone";
      const page = byteLength(text) === bytes && textHash(text) === hash ? parseBasePage(text) : null;
      if (!page?.ok) return null;
      for (const bucket of page.value) buckets.push(bucket);
    }
    return tablesOf(tables, buckets);
  }
}
