/** The checker's own folds of a growing log: the rows and states after each record, by release. */
import type { DomainDefinition } from "../../../src/core/domain/definition.ts";
import type { Json } from "../../../src/core/values/json.ts";
import { canonical, type PlainRecord } from "../../../src/testing/simulate/plain-record.ts";
import { evolve, foldRows, type Streams } from "../../../src/testing/simulate/refold.ts";

/** Canonical texts of all rows of all models, by model and key, and of the states by stream. */
export type Folded = { readonly rows: ReadonlyMap<string, string>; readonly states: ReadonlyMap<string, string> };

export class Refolds {
  readonly #domain: DomainDefinition;
  readonly #records: () => readonly PlainRecord[];
  readonly #streams: Streams = new Map();
  readonly #rows = new Map<string, Json>();
  readonly #rowTexts = new Texts();
  readonly #stateTexts = new Texts();
  readonly #folded: Folded[] = [{ rows: new Map(), states: new Map() }];

  constructor(domain: DomainDefinition, records: () => readonly PlainRecord[]) {
    this.#domain = domain;
    this.#records = records;
  }

  /** The fold of the first records. */
  after(count: number): Folded {
    const records = this.#records();
    while (this.#folded.length <= count) {
      const record = records[this.#folded.length - 1];
      if (!record) throw new Error(`The log has fewer than ${count} records`);
      for (const n of record.events.keys())
        for (const step of evolve(this.#streams, record, n, this.#domain) ?? [])
          foldRows(this.#rows, step, this.#domain);
      const states = [...this.#streams].map(([stream, { state }]) => [stream, state] as const);
      this.#folded.push({ rows: this.#rowTexts.of(this.#rows), states: this.#stateTexts.of(states) });
    }
    const folded = this.#folded[count];
    if (!folded) throw new Error(`There is no fold of ${count} records`);
    return folded;
  }
}

/** The canonical texts of values that change a little at a time. */
class Texts {
  #known = new Map<string, readonly [value: Json, text: string]>();

  of(entries: Iterable<readonly [string, Json]>): ReadonlyMap<string, string> {
    const [known, texts] = [new Map<string, readonly [Json, string]>(), new Map<string, string>()];
    for (const [key, value] of entries) {
      const before = this.#known.get(key);
      const now = before?.[0] === value ? before : ([value, canonical(value)] as const);
      known.set(key, now);
      texts.set(key, now[1]);
    }
    this.#known = known;
    return texts;
  }
}

/** Compares stored texts with expected ones. They have the rows or states of one table. */
export function differences(
  what: string,
  stored: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...stored.keys(), ...expected.keys()])].flatMap((key) => {
    const [found, right] = [stored.get(key), expected.get(key)];
    return found === right ? [] : [`${what} has ${key} = ${found}, and the checker's fold has ${right}`];
  });
}

/** The rows of one model, by key. */
export function rowsOf({ rows }: Folded, model: string): ReadonlyMap<string, string> {
  const prefix = `${model} `;
  return new Map([...rows].flatMap(([id, row]) => (id.startsWith(prefix) ? [[id.slice(prefix.length), row]] : [])));
}
