/** Unexpected values, and ways to put them into valid JSON. */
import type { SeededRandom } from "../support/random.ts";
import { parseOwnJson } from "../support/own-json.ts";

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

const NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "",
  "a".repeat(300),
  "\u0000",
  "ключ",
  "id",
  "then",
  "toJSON",
  "length",
];

const TEXTS = [
  "",
  "\u0000",
  "a".repeat(70_000),
  "\ud800",
  "x\udfff",
  "../../etc/passwd",
  "task/../x",
  "task/",
  "/t1",
  "task/t1/t2",
  "task/%2e%2e",
  "task/__proto__",
  "__proto__/x",
  "constructor/x",
  "null",
  "NaN",
  "1-0",
  "1-ffff",
  "99999999999999999999-aa",
  "-1-aa",
  "00000000-0000-0000-0000-000000000000",
  "👩‍👩‍👧".repeat(50),
  "\u202eevil",
  "'; drop table dacapo_records; --",
  "{{7*7}}",
  "\r\nset-cookie: a=b",
];

/** As JSON text, because no JavaScript value can hold some of them. */
const RAW_NUMBERS = [
  "1e400",
  "-1e400",
  "9007199254740993",
  "-0",
  "1e-400",
  "0.1e1",
  "123456789012345678901234567890",
  "-9007199254740992",
  "1e21",
  "4294967296",
  "-1",
  "0",
  "1.5",
];

/** A JSON text with one to three things wrong. `text` must be JSON. */
export function mutate(text: string, random: SeededRandom): string {
  let tree = parseOwnJson<Tree>(text);
  for (let times = 1 + random.below(3); times > 0; times--) tree = mutateSomewhere(tree, random);
  return JSON.stringify(tree).replaceAll(/"#raw:([^"]+)"/g, (_, raw: string) => raw);
}

/** A text with some bytes changed, left out or doubled. */
export function scramble(text: string, random: SeededRandom): Buffer {
  const bytes = Buffer.from(text);
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(bytes.length);
    const kind = random.below(4);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes.copyWithin(at, Math.min(bytes.length, at + 1 + random.below(20)));
    else if (kind === 2) bytes.copyWithin(Math.min(bytes.length, at + random.below(20)), at);
    else return bytes.subarray(0, at);
  }
  return bytes;
}

export function randomBytes(random: SeededRandom, max: number): Buffer {
  return Buffer.from(Array.from({ length: random.below(max) }, () => random.below(256)));
}

export function nastyText(random: SeededRandom): string {
  return random.pick(TEXTS);
}

function mutateSomewhere(tree: Tree, random: SeededRandom): Tree {
  if (typeof tree !== "object" || tree === null || random.chance(0.05)) return nasty(tree, random);
  const keys = Object.keys(tree);
  if (Array.isArray(tree)) {
    if (tree.length === 0 || random.chance(0.08)) return mutateList(tree, random);
    const at = random.below(tree.length);
    return tree.map((entry, index) => (index === at ? mutateSomewhere(entry, random) : entry));
  }
  if (keys.length === 0 || random.chance(0.12)) return mutateObject(tree, random);
  const chosen = random.pick(keys);
  return { ...tree, [chosen]: mutateSomewhere(tree[chosen] ?? null, random) };
}

function mutateList(list: Tree[], random: SeededRandom): Tree {
  switch (random.below(4)) {
    case 0:
      return [...list, ...list, nasty(null, random)];
    case 1:
      return Array.from({ length: 1 + random.below(2_000) }, () => list[0] ?? 0);
    case 2:
      return [];
    default:
      return Object.fromEntries(list.entries());
  }
}

function mutateObject(object: { [key: string]: Tree }, random: SeededRandom): Tree {
  const entries = Object.entries(object);
  const value = nasty(null, random);
  switch (random.below(4)) {
    case 0:
      // By entries: an assignment would set the prototype.
      return Object.fromEntries([...entries, [random.pick(NAMES), value]]);
    case 1:
      return Object.fromEntries(entries.filter(() => random.chance(0.7)));
    case 2:
      return Object.fromEntries(entries.map(([key, inner]) => [random.chance(0.2) ? random.pick(NAMES) : key, inner]));
    default:
      return entries.map(([key, inner]) => [key, inner]);
  }
}

function nasty(before: Tree, random: SeededRandom): Tree {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return `#raw:${random.pick(RAW_NUMBERS)}`;
    case 3:
      return nastyText(random);
    case 4:
      return [];
    case 5:
      return Object.fromEntries([[random.pick(NAMES), { polluted: true }]]);
    case 6:
      return nested(random.pick([63, 64, 65, 66, 500]), before);
    case 7:
      return typeof before === "string" ? `${before}${nastyText(random)}` : [before];
    default:
      return [[[before]]];
  }
}

function nested(levels: number, inside: Tree): Tree {
  let tree = inside;
  for (let level = 0; level < levels; level++) tree = level % 2 === 0 ? [tree] : { a: tree };
  return tree;
}
