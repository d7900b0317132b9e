/** Events that only a page receives: network, visibility, and the return from a freeze or the back/forward cache. */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Lifecycle } from "../messages/worker-messages.ts";

/** Throws if there is no page, such as during server rendering. Call it before a worker starts. */
export function requirePage(): void {
  if (typeof document === "undefined")
    throw new DefinitionError({
      message: "openLog works only in a page of a browser, and this is not one",
      fix: "Call openLog in the browser only, such as in React's useEffect.",
    });
}

export function isVisible(): boolean {
  return document.visibilityState === "visible";
}

/** Reports the events of the page until the returned function is called. */
export function watchPage(report: (event: Lifecycle) => void): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  addEventListener("online", () => report("online"), { signal });
  addEventListener("offline", () => report("offline"), { signal });
  addEventListener("pageshow", (event) => event.persisted && report("resumed"), { signal });
  document.addEventListener("visibilitychange", () => report(isVisible() ? "visible" : "hidden"), { signal });
  // Only the return from a freeze is reported, because a freezing page stops at once.
  document.addEventListener("resume", () => report("resumed"), { signal });
  return () => controller.abort();
}
