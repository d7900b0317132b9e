/** A follower of the port `model-store`. */
import type { Cursor } from "../../core/history/record.ts";

/** A durable reader of one log. */
export type Follower = {
  /** The name, such as `rows/board@2<task@1`. It is unique in a log. */
  readonly name: string;
  /** 1 after the first write, and one more after each write. */
  readonly revision: number;
  /** The end of the last record that its tables contain. Null: none yet. */
  readonly at: Cursor | null;
  /** `due` names the log from this time on, in milliseconds since the epoch. Null: no such time. */
  readonly wake: number | null;
  /** The follower's own notes, as JSON. */
  readonly text: string;
};
