import type { FormEvent } from "react";
import { card } from "../domain/card.ts";
import { useAct } from "./use-act.ts";
import { useDraft } from "./use-draft.ts";

/** The longer text of a card. During writing, other people's changes appear beside the text, never over it. */
export function Description({ id, description }: { readonly id: string; readonly description: string }) {
  const act = useAct();
  const [draft, setDraft] = useDraft(`card/${id} description`);
  const dirty = draft !== null && draft.text !== description;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!dirty || (await act(card.command.describe(id, { description: draft.text }), "Description kept")))
      setDraft(null);
  };
  return (
    <form className="description" onSubmit={(event) => void save(event)}>
      <label className="field">
        Description
        <textarea
          value={draft?.text ?? description}
          maxLength={5_000}
          rows={3}
          placeholder="What does someone else need to know?"
          onChange={(event) =>
            setDraft(
              event.target.value === description
                ? null
                : { text: event.target.value, over: draft?.over ?? description },
            )
          }
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save(event);
          }}
        />
      </label>
      {dirty && draft.over !== description && (
        <p className="hint" role="status">
          {description === ""
            ? "The description has been taken away since you began."
            : `Since you began, the description has become: “${description}”`}{" "}
          Keep puts yours in its place.
        </p>
      )}
      {dirty && (
        <div className="row end">
          <span className="hint">A draft: only you see it</span>
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
