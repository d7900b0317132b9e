/** Arbitraries of the inputs of a decoder, and the properties that its results must have. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Parsed } from "../../src/core/values/parsed.ts";
import { parseOwnJson } from "./own-json.ts";

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

const NAMES = ["__proto__", "constructor", "prototype", "toString", "then", "", "id", "length"];

const nasty: fc.Arbitrary<Tree> = fc.oneof(
  fc.constantFrom<Tree>(
    null,
    true,
    false,
    0,
    -0,
    -1,
    1.5,
    2 ** 53,
    -(2 ** 53),
    Number.MAX_VALUE,
    "",
    "\ud800",
    "\u0000",
    "__proto__",
    "../x",
    "1-0",
    "9".repeat(20),
    [],
    {},
  ),
  fc.constantFrom(...NAMES).map((name): Tree => Object.fromEntries([[name, { polluted: true }]])),
  fc.constantFrom(63, 64, 65, 66, 500).map((levels) => nested(levels)),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.jsonValue({ maxDepth: 4 }).map((value) => value as Tree),
);

/** Almost one of these messages: one part is replaced, removed or doubled, or some bytes are changed. */
export function nearly(...messages: readonly unknown[]): fc.Arbitrary<string> {
  const message = fc.constantFrom(...messages.map((one) => JSON.stringify(one)));
  const step = fc.tuple(
    fc.array(fc.nat(30), { maxLength: 8 }),
    nasty,
    fc.constantFrom("replace", "remove", "add", "rename"),
  );
  const changed = fc
    .tuple(message, fc.array(step, { minLength: 1, maxLength: 3 }))
    .map(([text, steps]) =>
      JSON.stringify(
        steps.reduce((tree: Tree, [path, value, how]) => change(tree, path, value, how), parseOwnJson<Tree>(text)),
      ),
    );
  return fc.oneof(
    { weight: 6, arbitrary: changed },
    { weight: 3, arbitrary: message.chain(flipped) },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: message },
  );
}

/** A text with some of its bytes changed, as a disk may do it. */
export function flipped(text: string): fc.Arbitrary<string> {
  const bytes = Buffer.from(text);
  return fc
    .array(fc.tuple(fc.nat(Math.max(0, bytes.length - 1)), fc.nat(7)), { minLength: 1, maxLength: 4 })
    .map((flips) => {
      const copy = Buffer.from(bytes);
      for (const [at, bit] of flips) copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      return copy.toString();
    });
}

/** Texts that a parser accepts and that a recursive function does not survive. */
export const deepTexts: readonly string[] = [
  "[".repeat(1_000_000),
  "[".repeat(200_000) + "]".repeat(200_000),
  '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000),
];

const ROOTS = [Object.prototype, Array.prototype, String.prototype, Function.prototype, Map.prototype];
const before = ROOTS.map((root) => Reflect.ownKeys(root).length);

/** The prototypes of plain values are unchanged. */
export function expectUntouched(): void {
  expect(ROOTS.map((root) => Reflect.ownKeys(root).length)).toEqual(before);
  expect(Reflect.get({}, "polluted")).toBeUndefined();
}

/** A decoder returns a value that reads the same again, or a problem. It is fast and changes no prototype. */
export function expectTotal<T>(
  decode: (text: string) => Parsed<T>,
  text: string,
  encode: (value: T) => string | null = () => null,
): void {
  // Measure the processor's time, because other processes use the machine too.
  const begin = process.cpuUsage();
  const parsed = decode(text);
  expect(process.cpuUsage(begin).user).toBeLessThan(2_000_000);
  expectUntouched();
  if (!parsed.ok) {
    expect(typeof parsed.problem.reason).toBe("string");
    expect(Array.isArray(parsed.problem.path)).toBe(true);
    return;
  }
  expect(Object.getPrototypeOf(parsed.value) === Object.prototype || Array.isArray(parsed.value)).toBe(true);
  const again = encode(parsed.value);
  if (again === null) return;
  expect(decode(again)).toEqual(parsed);
}

function nested(levels: number): Tree {
  let tree: Tree = 1;
  for (let level = 0; level < levels; level++) tree = level % 2 === 0 ? [tree] : { a: tree };
  return tree;
}

/** Walks along the path and not through the value, because a recursion may be too deep. */
function change(tree: Tree, path: readonly number[], value: Tree, how: string): Tree {
  const [place, ...rest] = path;
  if (place === undefined || typeof tree !== "object" || tree === null) return value;
  const entries: [string, Tree][] = Object.entries(tree);
  const at = entries.length === 0 ? 0 : place % entries.length;
  const entry = entries[at];
  if (rest.length > 0 && entry) entries[at] = [entry[0], change(entry[1], rest, value, how)];
  else if (how === "remove") entries.splice(at, 1);
  else if (how === "add" || !entry) entries.push([NAMES[place % NAMES.length] ?? "", value]);
  else entries[at] = how === "rename" ? [NAMES[place % NAMES.length] ?? "", entry[1]] : [entry[0], value];
  return Array.isArray(tree) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
