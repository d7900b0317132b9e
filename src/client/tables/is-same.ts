/** Compares values as IndexedDB stores them. */

export type Same = (left: unknown, right: unknown) => boolean;

/** Returns true if both are surely the same: plain values and dates. */
export const isSame: Same = (left, right) => compare(left, right, false);

/** Returns true if both may be the same, because a copy of a set, of a buffer or of an instance has no comparison. */
export const isMaybeSame: Same = (left, right) => compare(left, right, true);

function compare(left: unknown, right: unknown, ifOpaque: boolean): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Date && right instanceof Date) return Object.is(left.getTime(), right.getTime());
  // The stored copy of an instance of a class has another prototype.
  if (!isPlain(left) || !isPlain(right)) return ifOpaque;
  const [own, other] = [Object.entries(left), new Map(Object.entries(right))];
  return (
    Array.isArray(left) === Array.isArray(right) &&
    own.length === other.size &&
    own.every(([name, value]) => other.has(name) && compare(value, other.get(name), ifOpaque))
  );
}

function isPlain(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
