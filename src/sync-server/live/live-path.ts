/** The path of live sockets, for runtimes that see an upgrade before Hono does. */

/** The log of `<prefix>/logs/<log>/live`, or null for any other target. `//host/…` is one of those. */
export function liveLog(target: string, prefix: string): string | null {
  const [pathname = ""] = target.split("?", 1);
  if (!pathname.startsWith(`${prefix}/logs/`) || pathname.startsWith("//")) return null;
  const [, name] = /^\/logs\/([^/]+)\/live$/.exec(pathname.slice(prefix.length)) ?? [];
  try {
    return name === undefined ? null : decodeURIComponent(name);
  } catch {
    return null;
  }
}

/** A mount path as a prefix: without slashes at its end. */
export function prefixOf(path: string): string {
  return path.replace(/\/+$/, "");
}
