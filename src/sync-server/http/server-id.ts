/** The id by which devices recognize a server. */
import { refuseDefinition } from "../../core/values/refuse.ts";
import { SERVER_ID } from "../../core/wire/messages.ts";
import type { EventStore } from "../stores/event-store.ts";

/** Reads the id of the store once. A read that failed is repeated by the next request. */
export function rememberedId(given: string | undefined, store: Pick<EventStore, "id">): () => Promise<string> {
  if (given !== undefined && !SERVER_ID.test(given))
    refuseDefinition(
      `The serverId ${JSON.stringify(given)} is not allowed`,
      "Pass 1 to 64 of A-Z a-z 0-9 _ -, or leave it out.",
    );
  let id = given === undefined ? null : Promise.resolve(given);
  return () =>
    (id ??= store.id().catch((error: unknown) => {
      id = null;
      throw error;
    }));
}
