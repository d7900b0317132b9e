/** The presence of a tab: the card that its person has open. */
import * as v from "valibot";

export const boardPresence = v.object({ card: v.nullable(v.string()) });
export type BoardPresence = v.InferOutput<typeof boardPresence>;
