/**
 * The messages by which nodes on one store show each other their devices.
 *
 * Guarantees: a message of another release that this one does not understand is dropped, and so is each such entry.
 */
import type { Presence } from "../../core/wire/messages.ts";
import type { Json } from "../../core/values/json.ts";

/** A device of an actor. */
export type PresenceDevice = Pick<Presence, "client" | "actor">;

/** A change of what a node shows. Null: the device shows nothing. Without `data`: the node has no socket of it now. */
export type NodeEntry = PresenceDevice & { readonly data?: Json };

export type NodeMessage = {
  /** Entries that the node shows, and devices that it does not show any more. */
  readonly entries: readonly NodeEntry[];
  /** The node requests the entries of all other nodes. */
  readonly asks: boolean;
  /** The node ends, and shows nothing any more. */
  readonly ends: boolean;
};

/** The text that distinguishes devices. */
export function deviceKey({ client, actor }: PresenceDevice): string {
  return `${client} ${actor}`;
}

/** An entry as an array, because it is shorter. */
export function entryJson({ client, actor, data }: NodeEntry): Json {
  return data === undefined ? [client, actor] : [client, actor, data];
}

export function messageJson(entries: readonly Json[], facts: { asks?: boolean; ends?: boolean } = {}): Json {
  return { entries, ...(facts.asks && { asks: true }), ...(facts.ends && { ends: true }) };
}

export function readNodeMessage(message: Json): NodeMessage {
  const fields = new Map<string, Json>(Object.entries(message ?? {}));
  const entries = fields.get("entries");
  return {
    entries: Array.isArray(entries) ? entries.flatMap(readEntry) : [],
    asks: fields.get("asks") === true,
    ends: fields.get("ends") === true,
  };
}

function readEntry(entry: Json): NodeEntry[] {
  const fields: readonly Json[] = Array.isArray(entry) ? entry : [];
  const [client, actor, data] = fields;
  if (typeof client !== "string" || typeof actor !== "string") return [];
  return [data === undefined ? { client, actor } : { client, actor, data }];
}
