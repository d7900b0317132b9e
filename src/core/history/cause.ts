/**
 * The cause of a commit, and the chain that it belongs to.
 *
 * A commit without a cause has neither field. If the cause is in the first commit of its chain, the id of the cause
 * contains the id of the chain, so that `correlation` is absent.
 */
import type { DomainEvent } from "../domain/event.ts";
import { commitOfEvent } from "../values/id.ts";
import type { CommitId } from "../values/ids.ts";

/** The fields of a commit, and of its record, that name its cause. They are information, and nothing checks them. */
export type Cause = {
  /** The id of the event that caused the commit. It may be of another log. */
  readonly causedBy?: string;
  /** The id of the first commit of the chain, if it is not the commit of `causedBy`. */
  readonly correlation?: CommitId;
};

/** Returns the fields of a commit that an event caused. */
export function causeOf({ id, correlation }: Pick<DomainEvent, "id" | "correlation">): Cause {
  return { causedBy: id, ...(correlation !== commitOfEvent(id) && { correlation }) };
}

/** Returns only these fields of a commit or a record, without those that are absent. */
export function pickCause({ causedBy, correlation }: Cause): Cause {
  return { ...(causedBy !== undefined && { causedBy }), ...(correlation !== undefined && { correlation }) };
}

/** Returns the id of the first commit of the chain of a commit. */
export function correlationOf({ commit, causedBy, correlation }: Cause & { readonly commit: CommitId }): CommitId {
  return correlation ?? (causedBy === undefined ? commit : commitOfEvent(causedBy));
}
