/** Returns a list of what an argument names: a single value, or a list already. */
export function listOf<One>(given: One | readonly One[]): readonly One[] {
  return isList(given) ? given : [given];
}

// Array.isArray does not narrow a readonly array.
function isList<One>(given: One | readonly One[]): given is readonly One[] {
  return Array.isArray(given);
}
