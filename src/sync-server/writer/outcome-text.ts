/**
 * Outcomes as they are told and kept: their text, within the bounds that a client's reader sets.
 *
 * Place: the last step of deciding a commit. Words of an app (codes, messages, paths) and events of others come in; whatever
 * they are, the text reads back, since one outcome that a client cannot read would keep it from all the others.
 */
import type { Defect } from "../../core/decide/decide-command.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { findJsonProblem } from "../../core/values/json.ts";
import { THEIRS_MAX } from "../../core/history/limits.ts";
import { type Cursor, encodeCursor } from "../../core/history/record.ts";
import { exceedsBytes } from "../base/limits.ts";

const CODE_LENGTH_MAX = 128;
const MESSAGE_LENGTH_MAX = 2_000;
const PATH_STEPS_MAX = 64;
const PATH_STEP_LENGTH_MAX = 256;
/** Bytes of the events of others in one outcome: an outcome is kept for weeks. */
const THEIRS_BYTES_MAX = 64 * 1024;

export type Refusal = Pick<Defect, "code" | "message" | "path"> & {
  readonly command?: number;
  readonly theirs?: readonly DomainEvent[];
};

export function recordedText(id: string, at: Cursor): string {
  return JSON.stringify({ id, outcome: "recorded", at: encodeCursor(at) });
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

/** The id is taken by someone else: nothing more is said of theirs. */
export function idTakenText(id: string): string {
  return rejectedText(id, { code: "id-taken", message: "This id belongs to another commit" });
}

/** The latest events of others, as many as fit. */
function latestOf(theirs: readonly DomainEvent[]): readonly DomainEvent[] {
  const latest: DomainEvent[] = [];
  let room = THEIRS_BYTES_MAX;
  for (const event of theirs.slice(-THEIRS_MAX).reverse()) {
    // An app's upcast may have made something that is not JSON.
    if (findJsonProblem(event.data)) continue;
    const text = JSON.stringify(event);
    if (exceedsBytes(text, room)) break;
    room -= text.length;
    latest.unshift(event);
  }
  return latest;
}

function clip(text: string, lengthMax: number): string {
  // Cut first: a cut may leave half of a character behind.
  return String(text).slice(0, lengthMax).toWellFormed();
}
