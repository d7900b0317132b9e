/** What only a page hears of, told to the worker: network, visibility, freezing, a return from the back/forward cache. */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Lifecycle } from "../messages/worker-messages.ts";

/** Refuses where there is no page, as where a server renders one, before anything is made. */
export function requirePage(): void {
  if (typeof document === "undefined")
    throw new DefinitionError({
      message: "openLog works in a page of a browser, and there is none here",
      fix: "Call it in the browser only, such as in an effect.",
    });
}

export function isVisible(): boolean {
  return document.visibilityState === "visible";
}

/** Tells until the function that it gives is called. */
export function watchPage(tell: (event: Lifecycle) => void): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  addEventListener("online", () => tell("online"), { signal });
  addEventListener("offline", () => tell("offline"), { signal });
  addEventListener("pageshow", (event) => event.persisted && tell("resumed"), { signal });
  document.addEventListener("visibilitychange", () => tell(isVisible() ? "visible" : "hidden"), { signal });
  // A frozen page stops at once; what matters is that it comes back knowing nothing.
  document.addEventListener("resume", () => tell("resumed"), { signal });
  return () => ended.abort();
}
