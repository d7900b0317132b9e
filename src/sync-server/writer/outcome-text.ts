/**
 * The text of an outcome, as the server sends and keeps it.
 *
 * Guarantees:
 * - A client can read every outcome, whatever codes, messages, paths and events an app produced (outcome-text.test.ts).
 *   Otherwise one unreadable outcome would keep the client from all others of its push.
 */
import type { Defect } from "../../core/decide/decide-command.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { findJsonProblem } from "../../core/values/json.ts";
import { DROPPED, THEIRS_MAX } from "../../core/history/limits.ts";
import { type Cursor, encodeCursor } from "../../core/history/record.ts";
import { byteLength } from "../base/limits.ts";

const CODE_LENGTH_MAX = 128;
const MESSAGE_LENGTH_MAX = 2_000;
const PATH_STEPS_MAX = 64;
const PATH_STEP_LENGTH_MAX = 256;
/** Bytes of other authors' events in one outcome. The bound is small, because an outcome is kept for weeks. */
const THEIRS_BYTES_MAX = 64 * 1024;

/** The reason why a commit is rejected. `command` is the index of the command, `theirs` are other authors' events. */
export type Refusal = Pick<Defect, "code" | "message" | "path"> & {
  readonly command?: number;
  readonly theirs?: readonly DomainEvent[];
};

export type OutcomeCounts = { readonly recorded: number; readonly rejected: number; readonly empty: number };

/** `dropped`: the keys of the inputs that the server's schema dropped. */
export function recordedText(id: string, at: Cursor, dropped: readonly string[] = []): string {
  return JSON.stringify({
    id,
    outcome: "recorded",
    at: encodeCursor(at),
    ...(dropped.length > 0 && {
      dropped: dropped.slice(0, DROPPED.count).map((key) => clip(key, DROPPED.length)),
    }),
  });
}

export function emptyText(id: string): string {
  return JSON.stringify({ id, outcome: "empty" });
}

export function rejectedText(id: string, { command = 0, code, message, path, theirs = [] }: Refusal): string {
  return JSON.stringify({
    id,
    outcome: "rejected",
    command,
    code: clip(code, CODE_LENGTH_MAX) || "rejected",
    message: clip(message, MESSAGE_LENGTH_MAX),
    ...(path &&
      path.length > 0 && {
        path: path
          .slice(0, PATH_STEPS_MAX)
          .map((step) => (typeof step === "number" ? step : clip(step, PATH_STEP_LENGTH_MAX))),
      }),
    ...(theirs.length > 0 && { theirs: latestOf(theirs) }),
  });
}

/** Counts outcomes by their kind. */
export function countOutcomes(texts: readonly string[]): OutcomeCounts {
  const counts = { recorded: 0, rejected: 0, empty: 0 };
  for (const text of texts) {
    // Inside a text of JSON, a quote has a backslash. So only the field itself matches.
    if (text.includes(`"outcome":"recorded"`)) counts.recorded++;
    else if (text.includes(`"outcome":"empty"`)) counts.empty++;
    else counts.rejected++;
  }
  return counts;
}

/** Another actor's record has this id. The text says nothing else about that record (P4). */
export function idTakenText(id: string): string {
  return rejectedText(id, { code: "id-taken", message: "The id belongs to another commit. Use a new id." });
}

/** The latest of other authors' events that fit. */
function latestOf(theirs: readonly DomainEvent[]): readonly DomainEvent[] {
  const latest: DomainEvent[] = [];
  let bytesLeft = THEIRS_BYTES_MAX;
  for (const event of theirs.slice(-THEIRS_MAX).reverse()) {
    // An app's upcast may have returned a value that is not JSON.
    if (findJsonProblem(event.data)) continue;
    const bytes = byteLength(JSON.stringify(event));
    if (bytes > bytesLeft) break;
    bytesLeft -= bytes;
    latest.unshift(event);
  }
  return latest;
}

function clip(text: string, lengthMax: number): string {
  // Cut first, because a cut may leave half of a character.
  return String(text).slice(0, lengthMax).toWellFormed();
}
