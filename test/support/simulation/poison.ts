/** Notes of a task, told by a projection that cannot take one of them: what it passes over harms no other row. */
import { projection } from "../../../src/index.ts";
import { task } from "../board-domain.ts";

export const notes = projection("notes", {
  version: 1,
  from: [task],
  initial: { count: 0 },
  on: {
    TaskNoted: (row, { data }) => {
      if (data.text.endsWith("3")) throw new Error("A note that nobody can count");
      return { count: row.count + 1 };
    },
  },
});
