import { type FormEvent, useState } from "react";
import { card } from "../domain/card.ts";
import { useAct } from "./use-act.ts";

/** The longer text of a card. While someone writes here, what others write is not put over it: that is the log's to settle. */
export function Description({ id, description }: { readonly id: string; readonly description: string }) {
  const act = useAct();
  const [draft, setDraft] = useState<string | null>(null);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (draft === null || draft === description || (await act(card.command.describe(id, { description: draft }), "Description kept"))) setDraft(null);
  };
  return (
    <form className="description" onSubmit={(event) => void save(event)}>
      <label className="field">
        Description
        <textarea
          value={draft ?? description}
          maxLength={5_000}
          rows={3}
          placeholder="What does someone else need to know?"
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save(event);
          }}
        />
      </label>
      {draft !== null && draft !== description && (
        <div className="row end">
          <button type="button" className="button" onClick={() => setDraft(null)}>
            Take back
          </button>
          <button type="submit" className="button primary">
            Keep
          </button>
        </div>
      )}
    </form>
  );
}
