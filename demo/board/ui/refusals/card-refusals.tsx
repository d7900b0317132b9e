/** The refused changes of one card, on the card itself: both texts of a conflict, and a choice. */
import { useState } from "react";
import { Icon } from "../icon.tsx";
import { focusCard } from "../reveal-card.ts";
import { Conflict } from "./conflict.tsx";
import { useAnswers, useSettle } from "./use-settle.ts";
import type { ShownRefusal } from "./use-refusals.ts";

export function CardRefusals({ refusals }: { readonly refusals: readonly ShownRefusal[] }) {
  const conflicts = refusals.filter(({ texts }) => texts !== null);
  return (
    <>
      {conflicts.map((refusal) => (
        <CardConflict key={refusal.key} refusal={refusal} />
      ))}
      {refusals.length > conflicts.length && (
        <p className="card-refused">
          <Icon name="alert" /> A change was refused
        </p>
      )}
    </>
  );
}

function CardConflict({ refusal }: { readonly refusal: ShownRefusal }) {
  const settle = useSettle();
  const answers = useAnswers(refusal);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const answer = async (choice: "mine" | "there") => {
    setBusy(true);
    const failed = await settle(refusal, choice);
    // Here the focused button disappears. The card is the place that the person was at.
    if (failed === null) focusCard(refusal.refused.stream);
    setProblem(failed);
    setBusy(false);
  };
  const what = refusal.text?.name === "description" ? "description" : "title";
  return (
    <div
      className="card-conflict"
      role="group"
      aria-label={`Two texts for the ${what}`}
      onPointerDown={(event) => event.stopPropagation()}
    >
      {refusal.texts && <Conflict texts={refusal.texts} />}
      {problem !== null && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" disabled={busy} onClick={() => void answer("mine")}>
          {answers.mine}
        </button>
        <button type="button" className="button" disabled={busy} onClick={() => void answer("there")}>
          {answers.there}
        </button>
      </div>
    </div>
  );
}
