/** The duo of this tab. The tab keeps it over a reload, because a reload must lose nothing here either. */
import * as v from "valibot";
import { keep, recall } from "../memory.ts";
import { language } from "../words/language.ts";

const keptDuoSchema = v.object({
  name: v.string(),
  cable: v.picklist(["in", "out"]),
  stepsDone: v.number(),
  /** The language of its first cards. */
  language: v.string(),
  /** Somebody changed something. An unchanged duo begins again in another language. */
  isChanged: v.boolean(),
});

export type KeptDuo = v.InferOutput<typeof keptDuoSchema>;

const KEY = "board.duo";

export function keepDuo(duo: Omit<KeptDuo, "language">): void {
  keep(() => sessionStorage, KEY, JSON.stringify({ ...duo, language: keptDuo()?.language ?? language }));
}

/** The next visit starts a new duo. */
export function forgetDuo(): void {
  keep(() => sessionStorage, KEY, null);
}

/** The duo to continue with, or null. */
export function keptDuo(): KeptDuo | null {
  const read = v.safeParse(
    v.pipe(v.string(), v.parseJson(), keptDuoSchema),
    recall(() => sessionStorage, KEY),
  );
  return read.success && (read.output.isChanged || read.output.language === language) ? read.output : null;
}
