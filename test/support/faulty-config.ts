/** Read models whose code is wrong while the variable DACAPO_TEST_FAULTY is set, for the commands of an operator. */
import { projection } from "dacapo";
import { domain, task } from "./board-domain.ts";

const checked = (title: string): string => {
  if (process.env["DACAPO_TEST_FAULTY"] && title.startsWith("bad")) throw new Error("a bad title");
  return title;
};

const titles = projection("titles", {
  version: 1,
  from: [task],
  initial: null as { title: string } | null,
  on: { TaskAdded: (_, { data }) => ({ title: checked(data.title) }) },
});

const byColumn = projection("by-column", {
  version: 1,
  from: [task],
  initial: { titles: "" },
  key: (_, { after }) => after?.column,
  on: { TaskAdded: (row, { data }) => ({ titles: `${row.titles}${checked(data.title)},` }) },
});

export { domain };
export const models = [titles, byColumn];
