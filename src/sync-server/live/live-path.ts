/** The path of live sockets, for runtimes that get an upgrade request before Hono does. */

/** Returns the log of a request target `<prefix>/logs/<log>/live`. Any other target, also `//host/…`, returns null. */
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

/** Returns a mount path without the slashes at its end. */
export function prefixOf(path: string): string {
  return path.replace(/\/+$/, "");
}
