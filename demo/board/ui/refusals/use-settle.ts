/** The two answers to a refused change: use it after all, or keep what is there. Both are announced. */
import { useLog } from "dacapo/react";
import { useCallback } from "react";
import { sayProblem } from "../say-problem.ts";
import { useSpeech } from "../speech.tsx";
import { commitsOf } from "./refusal.ts";
import type { ShownRefusal } from "./use-refusals.ts";
import { words } from "../../words/language.ts";

export type Answer = "mine" | "there";

/** Returns a function that resolves with the problem in words, or with null if the refusal is settled. */
export function useSettle(): (refusal: ShownRefusal, answer: Answer) => Promise<string | null> {
  const { announce } = useSpeech();
  return useCallback(
    async (refusal, answer) => {
      try {
        const [...earlier] = commitsOf(refusal);
        // Retry first, because a change that is refused again must stay with all that is before it.
        if (answer === "mine") await earlier.pop()?.retry();
        for (const rejection of earlier) await rejection.discard();
        announce(saySettled(refusal, answer));
        return null;
      } catch (error) {
        return words.refusals.still(sayProblem(error));
      }
    },
    [announce],
  );
}

function saySettled({ texts }: ShownRefusal, answer: Answer): string {
  if (!texts) return answer === "mine" ? words.refusals.madeAgain : words.refusals.discarded;
  return answer === "mine" ? words.refusals.mineUsed(texts.mine) : words.refusals.kept(texts.now, texts.by);
}

/** The words on the two buttons. */
export function useAnswers({ texts }: ShownRefusal): Readonly<Record<Answer, string>> {
  const { user } = useLog();
  if (!texts) return { mine: words.refusals.retry, there: words.refusals.discard };
  return {
    mine: words.refusals.useMine,
    there: texts.by === user ? words.refusals.keepNewer : words.refusals.keepOf(texts.by),
  };
}
