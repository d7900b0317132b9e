/** The address of the sync server and the app's headers: checked options of `sync`, or a refusal of a wrong one. */
import { reasonOf } from "../../core/values/reason.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";

/** Browsers trust plain http on these hosts. */
const LOCAL = /^http:\/\/(localhost|[^/:]+\.localhost|127(\.\d+){3}|\[::1\])(:|\/|$)/;

/**
 * Returns the whole address without slashes at its end. `here` is the page's own address.
 *
 * A relative address such as `sync` is refused, because it would lead elsewhere from each path of the page.
 */
export function syncAddress(written: string, here: string): string {
  const address = wholeAddress(written, here);
  // Otherwise each call fails without a reason, and the log is offline for ever.
  if (address && here.startsWith("https:") && address.startsWith("http:") && !LOCAL.test(address))
    return refuseDefinition(
      `The browser blocks sync.url ${JSON.stringify(address)}, because the page is on https and the sync server is not`,
      "Serve the sync server over https, or on the page's own origin.",
      { option: "sync.url" },
    );
  if (address !== null) return address;
  return refuseDefinition(
    `sync.url is ${JSON.stringify(written)}, which is not the address of a sync server`,
    'Write it like "/sync" or "https://example.org/sync": http, not ws, and without query, fragment and password.',
    { option: "sync.url" },
  );
}

function wholeAddress(written: string, here: string): string | null {
  if (!/^(https?:\/)?\/[^\\/?#@][^\\?#]*$|^\/$/i.test(written)) return null;
  try {
    const { origin, pathname, username } = new URL(written, here);
    return username === "" && origin !== "null" ? origin + pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "") : null;
  } catch {
    return null;
  }
}

/**
 * Headers of the app by their names, for a gateway in front of the sync server.
 *
 * @example
 * const headers: AppHeaders = { "x-tenant": "7" };
 */
export type AppHeaders = Readonly<Record<string, string>>;

/** Returns the function that the worker calls before each request. Headers that no browser could send are refused. */
export function headersOf(
  given: AppHeaders | (() => AppHeaders | Promise<AppHeaders>) = {},
): () => Promise<AppHeaders> {
  if (typeof given === "function") return async () => plainHeaders(await given());
  try {
    const headers = plainHeaders(given);
    return async () => headers;
  } catch (error) {
    return refuseDefinition(
      `sync.headers has a header that cannot be sent: ${reasonOf(error)}`,
      'Write it like { "x-tenant": "7" }, with names of letters, digits and hyphens, and plain values.',
      { option: "sync.headers" },
    );
  }
}

/** A plain object, because an instance of `Headers` cannot cross to the worker. */
function plainHeaders(given: AppHeaders): AppHeaders {
  return Object.fromEntries(new Headers(given));
}
