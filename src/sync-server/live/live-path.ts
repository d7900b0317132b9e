/** The path of live sockets, for runtimes that get an upgrade request before Hono does. */
import { refuseDefinition } from "../../core/values/refuse.ts";

/** Returns the log of a request target `<prefix>/logs/<log>/live`. Any other target, also `//host/…`, returns null. */
export function liveLog(target: string, prefix: string): string | null {
  const [pathname = ""] = target.split("?", 1);
  if (!pathname.startsWith(`${prefix}/logs/`)) return null;
  const [, name] = /^\/logs\/([^/]+)\/live$/.exec(pathname.slice(prefix.length)) ?? [];
  try {
    return name === undefined ? null : decodeURIComponent(name);
  } catch {
    return null;
  }
}

/**
 * Returns a mount path as the prefix of all routes: `sync`, `/sync/` and `//sync` are `/sync`. The root is empty.
 *
 * Hono and the sockets compare this text with the path of a request. So it contains only characters that no client
 * encodes. A parameter such as `:tenant` or `*` would match requests but no sockets.
 */
export function prefixOf(path: unknown): string {
  const segments = typeof path === "string" ? path.split("/").filter((segment) => segment !== "") : [];
  const isPath =
    typeof path === "string" && segments.every((segment) => /^(?!\.{1,2}$)[A-Za-z0-9._~@-]+$/.test(segment));
  if (!isPath) {
    refuseDefinition(
      `The path of the sync server is ${JSON.stringify(path)}, which is not a plain path`,
      'Write it like "/sync" or "/api/sync", of A-Z a-z 0-9 . _ ~ @ - and without host, query and parameters.',
      { option: "path" },
    );
  }
  return segments.map((segment) => `/${segment}`).join("");
}
