/** What the others are told of this tab: at which card its person looks. */
import * as v from "valibot";

export const boardPresence = v.object({ card: v.nullable(v.string()) });
export type BoardPresence = v.InferOutput<typeof boardPresence>;
