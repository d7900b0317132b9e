/**
 * A push on its way through the server: the types of its steps, and the first step, `admitPush`.
 *
 *     PushEnvelope ── admitPush ──> AdmittedPush ── the log writer ──> PushResult
 *
 * Guarantees:
 * - A push with a commit of another actor is refused whole, before its commits are parsed (P3, http.limits.test.ts).
 * - No device can use the commit ids of the server's own code (P30, push-pull.test.ts).
 * - Every commit with a readable id gets an outcome of its own, whatever else is wrong with it (P7, push-pull.test.ts).
 */
import type { Commit } from "../../core/history/commit.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import type { PushEnvelope } from "../../core/wire/messages.ts";
import { parseCommit, parseCommitHead, parseCommitId } from "../../core/wire/read-messages.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Principal } from "../access/authorize.ts";
import { exceedsBytes, type ServerLimits } from "../base/limits.ts";
import { isReservedId } from "../base/reserved-names.ts";
import type { Step } from "../base/observer.ts";
import type { OnCurrent } from "./on-current.ts";
import type { Refusal } from "./outcome-text.ts";
import type { StoredRecord } from "../stores/event-store.ts";

/** A commit that can be decided, or the reason why it cannot. */
export type PushedCommit =
  | {
      readonly id: string;
      readonly commit: Commit;
      /** The commit is of the server's own code, and is decided on the states of now. */
      readonly onCurrent?: OnCurrent;
    }
  | { readonly id: string; readonly refusal: Refusal };

export type AdmittedPush = {
  readonly principal: Principal;
  readonly after: Cursor | null;
  /** Version of the domain that the client runs. */
  readonly domain: number;
  readonly commits: readonly PushedCommit[];
  /** Bytes of the body of the push, which count for the limits of the writer. */
  readonly bytes: number;
  /** True: the server's own code made it, so no right is requested. */
  readonly isTrusted?: boolean;
  /** The step of its request. Undefined: nobody watches. */
  readonly step?: Step;
};

/** The records that one append wrote, after the cursor `after`, up to the cursor `head`. */
export type Appended = {
  readonly after: Cursor | null;
  readonly records: readonly StoredRecord[];
  readonly head: Cursor | null;
};

/** The commit before which a push stopped, and why. `version`: the stream of the commit has another version. */
export type StoppedPush = { readonly id: string; readonly code: string; readonly version?: number };

export type PushResult =
  | {
      readonly kind: "settled";
      /** JSON of each outcome, in the order of the commits. */
      readonly outcomes: readonly string[];
      readonly stopped: StoppedPush | null;
      readonly appended: Appended;
    }
  | { readonly kind: "refused"; readonly code: RefusedCode };

/** The reason why a whole push has no outcomes. */
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
  // Check every actor first. Otherwise the response could reveal something about another actor's commit.
  for (const [index, value] of envelope.commits.entries()) {
    const head = parseCommitHead(value);
    if (head.ok && head.value.actor !== principal.actor) {
      const actors = `Commit ${index} is of the actor ${head.value.actor}, and the token is of ${principal.actor}`;
      return {
        kind: "refused",
        code: "actor-mismatch",
        message: `${actors}. Push each commit with its own actor's token.`,
      };
    }
  }
  for (const [index, value] of envelope.commits.entries()) {
    const id = parseCommitId(value);
    if (!id.ok)
      return {
        kind: "refused",
        code: "bad-request",
        message: `Commit ${index} has no readable id: ${describeProblem(id.problem)}`,
      };
    commits.push(admitCommit(id.value.id, value, bytes, limits));
  }
  return { kind: "admitted", push: { principal, after: envelope.after, domain: envelope.domain, commits, bytes } };
}

function admitCommit(id: string, value: unknown, pushBytes: number, { commitBytesMax }: ServerLimits): PushedCommit {
  if (isReservedId(id)) return { id, refusal: { code: "reserved-id", message: RESERVED_ID } };
  const parsed = parseCommit(value);
  if (!parsed.ok) {
    return {
      id,
      refusal: {
        code: "invalid-commit",
        message: `The commit is invalid: ${describeProblem(parsed.problem)}`,
        path: parsed.problem.path,
      },
    };
  }
  if (pushBytes > commitBytesMax && exceedsBytes(JSON.stringify(parsed.value), commitBytesMax))
    return { id, refusal: tooLarge(commitBytesMax) };
  return { id, commit: parsed.value };
}

const RESERVED_ID = "Commit ids of UUID version 8 belong to the server's own code. Use version 7 or 4.";

export function tooLarge(commitBytesMax: number): Refusal {
  return {
    code: "too-large",
    message: `The commit has more than ${commitBytesMax} bytes. Split it into smaller commits.`,
  };
}
