/** Compares as IndexedDB compares keys: dates and bytes by their values. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const [own, other] = [Object.entries(left), new Map(Object.entries(right))];
  // Other objects, such as sets and buffers, are written again.
  const isPlain = Array.isArray(left) || Object.getPrototypeOf(left) === Object.prototype;
  return (
    isPlain &&
    own.length === other.size &&
    own.every(([name, value]) => other.has(name) && isSame(value, other.get(name)))
  );
}
