/** The bases of a server node: made by the server's own code, and read by devices without HTTP. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { decodeCursor, encodeCursor } from "../../core/history/record.ts";
import type { Env } from "../../sync-server/base/env.ts";
import { HttpRefusal } from "../../sync-server/base/http-refusal.ts";
import { Bases } from "../../sync-server/bases/bases.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { NodeRequest } from "./parts.ts";

export type NodeBasesOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly env: Env;
  readonly isBusy: () => boolean;
  readonly report: (error: unknown) => void;
};

/** Events between two bases. A simulated log has some dozens. */
const BASE = { everyEvents: 6 };

/** The probability that another base took the place of this one before a page is read. */
const GONE = 0.15;
/** The probability that the text of a page is damaged. */
const DAMAGED = 0.15;

export function startBases(options: NodeBasesOptions): Bases {
  const bases = new Bases({ ...options, base: options.store.models !== undefined && BASE, ticks: true, turn: null });
  bases.start();
  return bases;
}

/** The text of a header or a page, as the routes of the server return it. Some pages are gone or damaged. */
export async function answerBase(
  bases: Bases,
  { log, place }: Extract<NodeRequest, { readonly kind: "base" }>,
  random: SeededRandom,
): Promise<string> {
  const cursor = place && decodeCursor(place.cursor);
  if (place) {
    const text = cursor && (await bases.page(log, cursor, place.n));
    if (text === null || random.chance(GONE)) throw new HttpRefusal("not-found");
    return random.chance(DAMAGED) ? damaged(text, random) : text;
  }
  const base = await bases.newest(log);
  if (!base) throw new HttpRefusal("not-found");
  return JSON.stringify({ cursor: encodeCursor(base.at), tables: base.notes.tables, pages: base.notes.pages });
}

/** One digit of the text has another value, so that only its hash shows the damage. */
function damaged(text: string, random: SeededRandom): string {
  const digits = [...text.matchAll(/\d/g)];
  const at = digits.length > 0 ? random.pick(digits).index : 0;
  return `${text.slice(0, at)}${9 - Number(text[at])}${text.slice(at + 1)}`;
}
