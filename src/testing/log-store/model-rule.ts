/**
 * A test of a log store against a plain model, in which several tabs act at random, with fresh and with stale
 * knowledge.
 *
 * Guarantees:
 * - Steps run one after the other and a seed chooses them, so that a failing seed fails each time.
 */
import type { LogStore, StoreHead } from "../../client/stores/log-store.ts";
import { type Cursor, cursorOf, positionOf, sameCursor } from "../../core/history/record.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import {
  batchOf,
  commitOf,
  confirmationOf,
  entriesOf,
  entryOf,
  nameOf,
  readAll,
  recordsBehind,
  recordTexts,
  rejectedOf,
  settledOf,
} from "./fixtures.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { LogStoreBed, LogStoreRule } from "./rule.ts";

const TABS = 3;
const STEPS = 80;

export function modelRule(seed: number): LogStoreRule {
  return {
    rule: "model",
    name: `random tabs with fresh and stale knowledge match a plain model (seed ${seed})`,
    check: (bed) => new Model(seededRandom(seed), bed).run(),
  };
}

type Tab = { store: LogStore; known: StoreHead };

class Model {
  readonly #random: SeededRandom;
  readonly #bed: LogStoreBed;
  #head: StoreHead = { client: "", generation: 0, rebuilds: 0, cursor: null, droppedEnd: null, pendingTail: 0 };
  #records: { readonly end: Cursor; readonly text: string }[] = [];
  #pending = new Map<number, string>();
  #sent = new Map<number, string>();
  #rejected = new Map<string, number>();
  #rows: Cursor | null = null;
  #made = 0;

  constructor(chance: SeededRandom, bed: LogStoreBed) {
    this.#random = chance;
    this.#bed = bed;
  }

  async run(): Promise<void> {
    const tabs: Tab[] = [];
    for (let index = 0; index < TABS; index++) {
      const store = await this.#bed.open();
      tabs.push({ store, known: await store.head() });
    }
    this.#head = tabs[0]?.known ?? this.#head;
    const append = (tab: Tab) => this.#append(tab);
    const confirm = (tab: Tab) => this.#confirm(tab);
    const compare = (tab: Tab) => this.#compare(tab);
    const rest = [
      (tab: Tab) => this.#cutBack(tab),
      (tab: Tab) => this.#writeRows(tab),
      (tab: Tab) => this.#discard(tab),
      (tab: Tab) => this.#reload(tab),
    ];
    const seal = (tab: Tab) => tab.store.seal();
    const actions = [append, append, confirm, confirm, confirm, compare, compare, seal, ...rest];
    for (let step = 0; step < STEPS; step++) {
      const tab = this.#random.pick(tabs);
      await this.#random.pick(actions)(tab);
      requireEqual(await tab.store.head(), this.#head, `the head after step ${step}`);
    }
    await this.#compare({ store: await this.#bed.open(), known: this.#head });
  }

  /** The head that a tab believes in: often the current head, otherwise the head that it read last. */
  #belief(tab: Tab): StoreHead {
    return this.#random.below(4) > 0 ? this.#head : tab.known;
  }

  async #append(tab: Tab): Promise<void> {
    const { pendingTail } = this.#belief(tab);
    const names = Array.from({ length: this.#random.below(3) + 1 }, () => `c${this.#made++}`);
    const ends = [...this.#rejected.keys()].slice(0, this.#random.below(2));
    const right = pendingTail === this.#head.pendingTail;
    const entries = names.map((name) => entryOf(name, this.#head.cursor));
    requireEqual(
      await tab.store.appendPending(
        pendingTail,
        entries,
        ends.map((name) => commitOf(name).id),
      ),
      right,
      "appendPending",
    );
    if (!right) return;
    names.forEach((name, index) => this.#pending.set(pendingTail + index + 1, name));
    for (const name of ends) this.#rejected.delete(name);
    this.#head = { ...this.#head, pendingTail: pendingTail + names.length };
  }

  async #confirm(tab: Tab): Promise<void> {
    const { generation, cursor } = this.#belief(tab);
    const right = generation === this.#head.generation && sameCursor(cursor, this.#head.cursor);
    const events = Array.from(
      { length: this.#random.below(5) },
      () => 1 + this.#random.below(this.#random.below(8) === 0 ? 1_500 : 150),
    );
    const records = recordsBehind(cursor, events, `g${generation}s${this.#made++}m`);
    const ended = [...this.#pending]
      .slice(0, this.#random.below(4))
      .map(([n, name]) => ({ n, name, settles: this.#random.below(3) > 0 }));
    // Rejected commits whose record arrives later.
    const arrived = [...this.#rejected]
      .slice(0, this.#random.below(2))
      .map(([name, n]) => ({ n, name, settles: true }));
    const all = [...ended, ...arrived];
    const confirmation = confirmationOf(records.length > 0 ? batchOf(cursor, records) : null, {
      settled: all.filter(({ settles }) => settles).map(({ n, name }) => settledOf(n, name)),
      rejected: ended.filter(({ settles }) => !settles).map(({ n, name }) => rejectedOf(n, name)),
    });
    requireEqual(await tab.store.confirm({ generation, cursor }, confirmation), right, "confirm");
    if (!right) return;
    for (const record of records) this.#records.push({ end: cursorOf(record), text: JSON.stringify(record) });
    for (const { name } of arrived) this.#rejected.delete(name);
    for (const { n, name, settles } of all) {
      this.#pending.delete(n);
      if (settles) this.#sent.set(n, name);
      else this.#rejected.set(name, n);
    }
    const { droppedEnd } = this.#head;
    const end = this.#records.at(-1)?.end ?? null;
    this.#head = {
      ...this.#head,
      cursor: end,
      droppedEnd: droppedEnd && droppedEnd.position > positionOf(end) ? droppedEnd : null,
    };
  }

  async #cutBack(tab: Tab): Promise<void> {
    const believed = this.#belief(tab);
    const right =
      believed.generation === this.#head.generation &&
      sameCursor(believed.cursor, this.#head.cursor) &&
      believed.pendingTail === this.#head.pendingTail;
    const kept = this.#random.below(this.#records.length + 1);
    const keep = this.#records[kept - 1]?.end ?? null;
    const names = [...this.#sent.values(), ...this.#pending.values()].filter(() => this.#random.below(3) > 0);
    const droppedEnd =
      this.#random.below(2) === 0 && positionOf(believed.cursor) > positionOf(keep) ? believed.cursor : null;
    const head = await tab.store.cutBack(believed, keep, entriesOf(...names), ...(droppedEnd ? [droppedEnd] : []));
    requireEqual(head !== null, right, "cutBack");
    if (head === null) return;
    requireEqual(
      { ...head, pendingTail: 0 },
      { ...this.#head, generation: this.#head.generation + 1, cursor: keep, droppedEnd, pendingTail: 0 },
      "the head that cutBack returns",
    );
    requireThat(head.pendingTail - names.length > this.#head.pendingTail, "a mark after all earlier numbers");
    this.#pending = new Map(names.map((name, index) => [head.pendingTail - names.length + index + 1, name]));
    this.#sent = new Map([...this.#sent].filter(([, name]) => !names.includes(name)));
    this.#records = this.#records.slice(0, kept);
    if (positionOf(this.#rows) > positionOf(keep)) this.#rows = null;
    this.#head = head;
  }

  /** Compares everything, from the tab's last position or from a random one. */
  async #compare(tab: Tab): Promise<void> {
    const { store, known } = tab;
    const index = this.#records.findIndex(({ end }) => sameCursor(end, known.cursor));
    const from = this.#random.below(2) === 0 ? index + 1 : this.#random.below(this.#records.length + 1);
    const after = this.#records[from - 1]?.end ?? null;
    const { batches } = await readAll(store, positionOf(after));
    requireEqual(
      recordTexts(batches, after),
      this.#records.slice(from).map(({ text }) => text),
      `records after position ${positionOf(after)}`,
    );
    const seen = await store.refresh({ position: positionOf(this.#head.cursor), pendingTail: known.pendingTail });
    requireEqual(seen.head, this.#head, "the head");
    requireEqual(seen.pendingNumbers, [...this.#pending.keys()], "numbers of pending commits");
    requireEqual(
      seen.pending.map((entry) => [entry.n, nameOf(entry)]),
      [...this.#pending].filter(([n]) => n > known.pendingTail),
      "pending commits",
    );
    requireEqual(
      [...seen.rejectionIds].sort(),
      [...this.#rejected.keys()].map((name) => commitOf(name).id).sort(),
      "ids of rejections",
    );
    requireEqual(
      (await store.readRejections()).map((entry) => [nameOf(entry), entry.n]),
      [...this.#rejected].sort((a, b) => a[1] - b[1]),
      "rejections",
    );
    requireEqual(
      (await store.readSent(null)).map((entry) => [entry.n, nameOf(entry)]),
      [...this.#sent].sort((a, b) => a[0] - b[0]),
      "sent commits",
    );
    requireEqual((await store.readRows())?.checkpoint ?? null, this.#rows, "the checkpoint of the rows");
    tab.known = seen.head;
  }

  async #writeRows(tab: Tab): Promise<void> {
    const { generation, cursor } = this.#belief(tab);
    const believed = this.#random.below(4) > 0 ? this.#rows : null;
    if (cursor === null) return;
    const right =
      generation === this.#head.generation &&
      sameCursor(believed, this.#rows) &&
      positionOf(cursor) <= positionOf(this.#head.cursor);
    const rows = {
      checkpoint: cursor,
      tables: [{ table: "t", buckets: [{ bucket: this.#random.below(4), text: `[["at",${cursor.position}]]` }] }],
    };
    requireEqual(
      await tab.store.writeRows({ generation, rebuilds: 0, checkpoint: believed }, rows, this.#random.below(3) === 0),
      right,
      "writeRows",
    );
    if (right) this.#rows = cursor;
  }

  async #discard(tab: Tab): Promise<void> {
    const name = [...this.#rejected.keys()].at(0);
    if (name === undefined) return;
    await tab.store.removeRejections([commitOf(name).id]);
    this.#rejected.delete(name);
  }

  async #reload(tab: Tab): Promise<void> {
    tab.store.close();
    tab.store = await this.#bed.open();
  }
}
