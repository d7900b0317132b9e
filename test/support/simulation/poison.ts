/**
 * A projection that counts the notes of a task and throws for some of them. A skipped event must not change other rows.
 */
import { projection } from "../../../src/index.ts";
import { task } from "../board-domain.ts";

export const notes = projection("notes", {
  version: 1,
  from: [task],
  initial: { count: 0 },
  on: {
    TaskNoted: (row, { data }) => {
      if (data.text.endsWith("3")) throw new Error("This note cannot be counted");
      return { count: row.count + 1 };
    },
  },
});
