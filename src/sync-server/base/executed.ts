/** The result of commands of the server's own code. */
import type { DomainEvent } from "../../core/domain/event.ts";

/** The result of an execution. */
export type Executed = {
  /** `empty`: the commands were accepted, and there was nothing to record. */
  readonly outcome: "recorded" | "empty";
  /** The id of the commit. */
  readonly id: string;
  /** The cursor after the record. Null: nothing was recorded. */
  readonly at: string | null;
  /** The recorded events. */
  readonly events: readonly DomainEvent[];
};
