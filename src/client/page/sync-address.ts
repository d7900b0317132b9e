/** The address of the sync server: from the option `sync.url` to a whole URL, or a refusal of a wrong one. */
import { refuseDefinition } from "../../core/values/refuse.ts";

/**
 * Returns the whole address without slashes at its end. `here` is the page's own address.
 *
 * A relative address such as `sync` is refused, because it would lead elsewhere from each path of the page.
 */
export function syncAddress(written: string, here: string): string {
  try {
    if (/^(https?:\/)?\/[^\\/?#@][^\\?#]*$|^\/$/i.test(written)) {
      const { origin, pathname, username } = new URL(written, here);
      if (username === "") return origin + pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
    }
  } catch {}
  return refuseDefinition(
    `sync.url is ${JSON.stringify(written)}, which is not the address of a sync server`,
    'Write it like "/sync" or "https://example.org/sync": http, not ws, and without query, fragment and password.',
    { option: "sync.url" },
  );
}
