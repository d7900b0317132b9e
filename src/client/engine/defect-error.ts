/** Turns the defect of a command into the error with which `execute` rejects. */
import type { Defect } from "../../core/decide/decide-command.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import {
  type DacapoError,
  RejectedError,
  UnknownAggregateError,
  UnknownCommandError,
  ValidationError,
} from "../../core/values/errors.ts";

export function defectError(defect: Defect, request: CommandRequest | undefined): DacapoError {
  const { code, path = [] } = defect;
  const stream = request?.stream ?? "";
  const details = { code, stream, command: request?.name ?? "" };
  const message = `${request?.name ?? "A command"} on ${stream}: ${defect.message}`;
  switch (defect.kind) {
    case "invalid":
      return new ValidationError({
        message,
        fix: "Correct the value at the path and execute again.",
        details: { ...details, path, reason: defect.message },
      });
    case "unknown":
      return code === "unknown-aggregate"
        ? new UnknownAggregateError({
            message,
            fix: "Add the aggregate to defineDomain, also in the domain that the worker runs.",
            details,
          })
        : new UnknownCommandError({
            message,
            fix: "Check the name and the version of the domain that the worker runs.",
            details,
          });
    case "unreadable":
      return new RejectedError({
        message,
        fix: "Load the newest version of the app, because it made an event that this version cannot read.",
        details,
      });
    case "failed":
      return new RejectedError({
        message,
        fix: "Correct the command's own function. It threw the error in the message.",
        details,
      });
    case "domain":
    case "conflict":
      return new RejectedError({
        message,
        fix: "The domain rejected the command. Read the row as it is now and try another command.",
        details: { ...details, reason: defect.message },
      });
  }
}
