/** What only a page hears of, told to the worker: network, visibility, freezing, a return from the back/forward cache. */
import type { Lifecycle } from "./worker-api.ts";

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
