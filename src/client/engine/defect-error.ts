/** Why a command was not recorded, as the error that `execute` rejects with. */
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
        fix: "Mend the value at the path and execute again.",
        details: { ...details, path, reason: defect.message },
      });
    case "unknown":
      return code === "unknown-aggregate"
        ? new UnknownAggregateError({
            message,
            fix: "Add the aggregate to defineDomain, in the worker's copy too.",
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
        fix: "Load the newest version of the app: an event came from one.",
        details,
      });
    case "failed":
      return new RejectedError({ message, fix: "The command's own function threw: see the message.", details });
    case "domain":
    case "conflict":
      return new RejectedError({
        message,
        fix: "The domain refused it as things stand; look at the row and try something else.",
        details: { ...details, reason: defect.message },
      });
  }
}
