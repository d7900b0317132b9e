/** The errors of a log for the code of the server. */
import { DacapoError, RejectedError, type ValidationError } from "../../core/values/errors.ts";
import { type Cursor, encodeCursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { invalid } from "../base/check-arguments.ts";
import type { ReadModel } from "../read-models/read-model.ts";

export function diverged(log: LogName, option: string): DacapoError {
  return new DacapoError("diverged", "after-fix", {
    message: `The log ${log} does not contain the cursor \`${option}\``,
    fix: `Pass a cursor of this log, or leave out \`${option}\`.`,
    details: { log },
  });
}

/** A restore replaced the log between two pages, so the pages are of two histories. `at`: the end of the last page. */
export function replaced(log: LogName, at: Cursor | null, fix = "Replay it again."): DacapoError {
  return new DacapoError("diverged", "later", {
    message: `The log ${log} was restored or replaced while it was read`,
    fix,
    details: { log, at: at && encodeCursor(at) },
  });
}

export function notNow(log: LogName, reason: string): DacapoError {
  const message = `The log ${log} cannot be used now: ${reason}`;
  return new DacapoError("unreachable", "later", { message, fix: "Try again later.", details: { log } });
}

/** The commands have no outcome, so the same id may be executed again. */
export function laterRelease(log: LogName, stream: StreamName): DacapoError {
  return new DacapoError("unreachable", "later", {
    message: `The log ${log} cannot decide the commands on ${stream} now: this code cannot fold an event`,
    fix: "Try again when the release that knows the event runs. `load` of the stream shows the event's reason.",
    details: { log, stream, code: "stream-unreadable" },
  });
}

export function unreadable(stream: StreamName, reason: string): RejectedError {
  return new RejectedError({
    message: `The stream ${stream} cannot be read by this code: ${reason}`,
    fix: "Deploy the release that knows its events.",
    details: { code: "stream-unreadable", stream },
  });
}

export function building(log: LogName, model: string): DacapoError {
  return new DacapoError("rows-building", "later", {
    message: `The rows of ${model} in the log ${log} are being built`,
    fix: "Try again later. A read waits for them with a longer waitMs.",
    details: { log, model },
  });
}

export function notPopulated(log: LogName, model: string): DacapoError {
  return new DacapoError("rows-not-populated", "later", {
    message: `The rows of ${model} in the log ${log} were purged`,
    fix: "Call `models.populate`, or run `dacapo populate`.",
    details: { log, model },
  });
}

/** The error of a SQL model in place of a model with rows. A shell has no `query`, so the views are named too. */
export function noRows(what: string, { name, sql }: ReadModel, verb: string): ValidationError {
  const reason = `${name} is a SQL model, which has tables in place of rows`;
  const views = [...(sql?.tables.values() ?? [])].map(({ view }) => view).join(" and ");
  return invalid(what, reason, `Select from its views ${views} in the database. Code of the server may ${verb}.`);
}
