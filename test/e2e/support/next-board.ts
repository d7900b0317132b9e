/** The next release of the demo's domain: a comment needs a mood, and the input has no `.next`. */
import type { Domain } from "dacapo";
import { domain as present } from "../../../demo/board/domain.ts";

const { definition } = present;
const card = definition.aggregates.get("card");
const comment = card?.commands.get("comment");
if (!card || !comment) throw new Error("The demo's domain has no card.comment");

const withMood: typeof comment = {
  ...comment,
  parse: (value) =>
    typeof value === "object" && value !== null && "mood" in value
      ? comment.parse(value)
      : { ok: false, problem: { path: ["mood"], reason: "is missing" } },
};

export const domain: Domain = {
  definition: {
    ...definition,
    version: definition.version + 1,
    aggregates: new Map([
      ...definition.aggregates,
      ["card", { ...card, commands: new Map([...card.commands, ["comment", withMood]]) }],
    ]),
  },
};
