/** The address of a sync server, as a page may call it: pure. */
import { DefinitionError } from "../../core/values/errors.ts";

/** Browsers trust plain http on these hosts. */
const LOCAL = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

/** Returns the whole address. `page`: the address against which the browser reads a relative one. */
export function syncAddress(url: string, page: string): string {
  const address = parseAddress(url, page);
  if (!address || !/^https?:$/.test(address.protocol))
    throw new DefinitionError({
      message: `sync.url "${url}" is not the address of a sync server`,
      fix: 'Pass an http or https address, such as "/sync" or "https://example.org/sync".',
    });
  // Otherwise each call fails without a reason, and the log is offline for ever.
  if (page.startsWith("https:") && address.protocol === "http:" && !LOCAL.test(address.hostname))
    throw new DefinitionError({
      message: `The browser blocks sync.url "${address.href}", because the page is on https and the sync server is not`,
      fix: "Serve the sync server over https, or on the page's own origin.",
    });
  return address.href;
}

/** `URL.parse` is newer than the browsers that Dacapo supports. */
function parseAddress(url: string, page: string): URL | null {
  try {
    return new URL(url, page);
  } catch {
    return null;
  }
}
