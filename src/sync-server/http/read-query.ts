/** Reads the query of a route that people and programs call. */
import { HttpRefusal } from "../base/http-refusal.ts";

/**
 * The query of a request. A misspelled name is refused, because the answer would be of another selection.
 *
 * Each route knows `server`. Names that begin with `_` are for caches and gateways.
 *
 * @param lists names that may be repeated
 */
export function readQuery({ url }: Request, names: readonly string[], lists: readonly string[] = []): URLSearchParams {
  const query = new URL(url).searchParams;
  const known = [...lists, ...names];
  for (const name of new Set(query.keys())) {
    if (name.startsWith("_") || name === "server") continue;
    if (!known.includes(name)) {
      const message = `The query has an unknown name. The known ones are ${known.join(", ") || "none"}.`;
      throw new HttpRefusal("bad-request", { message });
    }
    if (names.includes(name) && query.getAll(name).length > 1)
      throw new HttpRefusal("bad-request", { message: `The query has \`${name}\` more than once.` });
  }
  return query;
}
