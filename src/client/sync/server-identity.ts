/**
 * Keeps a log with its server: work goes to no server with another id before the app agrees.
 *
 * Guarantees (test/unit/client/sync/server-identity.test.ts):
 * - A log that has never heard an id takes the first one.
 * - The store decides, so that all tabs keep to the same server.
 */
import { DacapoError } from "../../core/values/errors.ts";
import type { LogStore } from "../stores/log-store.ts";

/** The id of the server that a log belongs to, and the id of the server that answers now. */
export type ServerIds = { readonly known: string; readonly other: string };

export type ServerIdentity = {
  /** The id that each request names. Null: no server has reported one yet. */
  readonly known: () => Promise<string | null>;
  /** Checks the id in an answer. Throws `other-server`. */
  readonly check: (id: string) => Promise<void>;
};

/**
 * @param agrees called in the background when another server answers. True: this log joins it.
 * @param joined called after the log joined another server
 */
export function serverIdentity(
  store: Pick<LogStore, "readServer" | "setServer">,
  agrees: (ids: ServerIds) => Promise<boolean>,
  joined: () => void,
): ServerIdentity {
  let isOpen = false;
  const request = async (ids: ServerIds) => {
    if (isOpen) return;
    isOpen = true;
    try {
      if ((await agrees(ids)) && (await store.setServer(ids.known, ids.other)) === ids.other) joined();
    } catch {
      // The app's function failed, so it did not agree. The next attempt to sync calls it again.
    } finally {
      isOpen = false;
    }
  };
  return {
    known: () => store.readServer(),
    async check(other) {
      const known = await store.setServer(null, other);
      if (known === other || known === null) return;
      void request({ known, other });
      throw new DacapoError("other-server", "after-fix", {
        message: "The address leads to another sync server than before, so nothing is sent to it",
        fix: "Pass the address of this log's server. Or let `sync.onOtherServer` return true, to join the other one.",
        details: { known, other },
      });
    },
  };
}
