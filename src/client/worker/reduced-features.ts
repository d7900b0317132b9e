/** The texts for what a browser does not offer to a page: pure. */
import type { ReducedFeature } from "../messages/log-types.ts";

/** For each feature, the message and the fix. */
const TEXTS: { readonly [Feature in ReducedFeature["feature"]]: readonly [message: string, fix: string] } = {
  locks: [
    "This page has no Web Locks, so two tabs may sync at the same time for some seconds. Nothing is lost or doubled",
    "Open the page over https or on localhost, in a current browser.",
  ],
  "tab-messages": [
    "This page has no BroadcastChannel, so each tab syncs by itself and shows the work of other tabs seconds later",
    "Open the page in a current browser.",
  ],
  storage: [
    "The browser does not let this page store data, so the log is only in memory. Closing the tab deletes unsent work",
    "Allow the site to store data, or leave the private window or the sandboxed frame. Then open the log again.",
  ],
};

export function reducedFeatures(lacking: readonly (ReducedFeature["feature"] | null)[]): readonly ReducedFeature[] {
  return lacking.flatMap((feature) =>
    feature === null ? [] : { feature, message: TEXTS[feature][0], fix: TEXTS[feature][1] },
  );
}
