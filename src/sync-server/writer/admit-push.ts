/**
 * A push on its way through the server: as it was admitted, and what became of it.
 *
 * Place: the route admits (`admitPush`), the log writer settles, the route answers.
 * Holds: an envelope that speaks for someone else is refused whole, before anything in it is looked at; a commit whose id can be
 * read is never lost from the answer, whatever else is wrong with it.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { Problem } from "../../core/values/parsed.ts";
import type { PushEnvelope } from "../../core/wire/messages.ts";
import { parseCommit, parseCommitHead, parseCommitId } from "../../core/wire/read-messages.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Principal } from "../access/authorize.ts";
import { exceedsBytes, type ServerLimits } from "../base/limits.ts";
import type { Refusal } from "./outcome-text.ts";
import type { StoredRecord } from "../stores/event-store.ts";

/** A commit that can be decided, or why it cannot be. */
export type PushedCommit =
  { readonly id: string; readonly commit: Commit } | { readonly id: string; readonly refusal: Refusal };

export type AdmittedPush = {
  readonly principal: Principal;
  readonly after: Cursor | null;
  /** Version of the domain that the client runs. */
  readonly domain: number;
  readonly commits: readonly PushedCommit[];
  readonly bytes: number;
};

/** What one append wrote, and around what: records after `after`, up to `head`. */
export type Appended = {
  readonly after: Cursor | null;
  readonly records: readonly StoredRecord[];
  readonly head: Cursor | null;
};

export type PushResult =
  | {
      readonly kind: "settled";
      /** JSON of each outcome, in the order of the commits. */
      readonly outcomes: readonly string[];
      readonly stopped: { readonly id: string; readonly code: string } | null;
      readonly appended: Appended;
    }
  | { readonly kind: "refused"; readonly code: RefusedCode };

/** Why a push as a whole has no outcomes. */
export type RefusedCode = "diverged" | "gone" | "unavailable" | "overloaded" | "storage-full" | "restarting";

export type PushAdmission =
  | { readonly kind: "admitted"; readonly push: AdmittedPush }
  | { readonly kind: "refused"; readonly code: "actor-mismatch" | "bad-request"; readonly message: string };

export function admitPush(
  envelope: PushEnvelope,
  principal: Principal,
  bytes: number,
  limits: ServerLimits,
): PushAdmission {
  const commits: PushedCommit[] = [];
  // Nothing is looked at before it is sure that all of it is this principal's.
  for (const [index, value] of envelope.commits.entries()) {
    const head = parseCommitHead(value);
    if (head.ok && head.value.actor !== principal.actor) {
      return { kind: "refused", code: "actor-mismatch", message: `Commit ${index} is not by the one who sends it` };
    }
  }
  for (const [index, value] of envelope.commits.entries()) {
    const id = parseCommitId(value);
    if (!id.ok)
      return {
        kind: "refused",
        code: "bad-request",
        message: `Commit ${index} has no id that can be read: ${told(id.problem)}`,
      };
    commits.push(admitCommit(id.value.id, value, bytes, limits));
  }
  return { kind: "admitted", push: { principal, after: envelope.after, domain: envelope.domain, commits, bytes } };
}

function admitCommit(id: string, value: unknown, pushBytes: number, { commitBytesMax }: ServerLimits): PushedCommit {
  const parsed = parseCommit(value);
  if (!parsed.ok) {
    return {
      id,
      refusal: {
        code: "invalid-commit",
        message: `This commit is not one: ${told(parsed.problem)}`,
        path: parsed.problem.path,
      },
    };
  }
  if (pushBytes > commitBytesMax && exceedsBytes(JSON.stringify(parsed.value), commitBytesMax))
    return { id, refusal: tooLarge(commitBytesMax) };
  return { id, commit: parsed.value };
}

export function tooLarge(commitBytesMax: number): Refusal {
  return { code: "too-large", message: `This commit has more than ${commitBytesMax} bytes` };
}

function told({ path, reason }: Problem): string {
  return path.length > 0 ? `${path.join(".")} ${reason}` : reason;
}
