/** Events that only a page receives: network, visibility, freezing, a return from the back/forward cache. */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Lifecycle } from "../messages/worker-messages.ts";

/** Refuses to work outside of a page, as on a server that renders one, before a worker starts. */
export function requirePage(): void {
  if (typeof document === "undefined")
    throw new DefinitionError({
      message: "openLog works only in a page of a browser, and this is not one",
      fix: "Call openLog in the browser only, such as in an effect.",
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
  // Only the return is reported, because a page that freezes stops at once and has no time to report it.
  document.addEventListener("resume", () => report("resumed"), { signal });
  return () => controller.abort();
}
