/** The refused changes of one card, on the card and in its panel: both texts of a conflict, and a choice. */
import { useState } from "react";
import { Icon } from "../icon.tsx";
import { Conflict } from "./conflict.tsx";
import { useAnswers, useSettle } from "./use-settle.ts";
import type { ShownRefusal } from "./use-refusals.ts";
import { words } from "../../words/language.ts";

type CardRefusalsProps = {
  readonly refusals: readonly ShownRefusal[];
  /** Moves the focus, because the focused button disappears with the choice. */
  readonly onChosen: () => void;
};

export function CardRefusals({ refusals, onChosen }: CardRefusalsProps) {
  const conflicts = refusals.filter(({ texts }) => texts !== null);
  return (
    <>
      {conflicts.map((refusal) => (
        <CardConflict key={refusal.key} refusal={refusal} onChosen={onChosen} />
      ))}
      {refusals.length > conflicts.length && (
        <p className="card-refused">
          <Icon name="alert" /> {words.refusals.onCard}
        </p>
      )}
    </>
  );
}

function CardConflict({ refusal, onChosen }: { readonly refusal: ShownRefusal; readonly onChosen: () => void }) {
  const settle = useSettle();
  const answers = useAnswers(refusal);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const answer = async (choice: "mine" | "there") => {
    setBusy(true);
    const failed = await settle(refusal, choice);
    if (failed === null) onChosen();
    setProblem(failed);
    setBusy(false);
  };
  return (
    <div
      className="card-conflict"
      role="group"
      aria-label={words.refusals.twoTexts(refusal.text?.name === "description")}
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
