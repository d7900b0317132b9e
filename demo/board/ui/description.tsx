import type { FormEvent } from "react";
import { card } from "../domain/card.ts";
import { useAct } from "./use-act.ts";
import { useDraft } from "./use-draft.ts";

/** The description of a card. A change of another person does not replace a draft. It is shown beside the draft. */
export function Description({ id, description }: { readonly id: string; readonly description: string }) {
  const act = useAct();
  const [draft, setDraft] = useDraft(`card/${id} description`);
  const dirty = draft !== null && draft.text !== description;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!dirty || (await act(card.command.describe(id, { description: draft.text }), "Description saved")))
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
          placeholder="What do other people need to know?"
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
            ? "Since you began, someone removed the description."
            : `Since you began, the description changed to: “${description}”`}{" "}
          Save replaces it with yours.
        </p>
      )}
      {dirty && (
        <div className="row end">
          <span className="hint">Draft: only you can see it</span>
          <button type="button" className="button" onClick={() => setDraft(null)}>
            Discard
          </button>
          <button type="submit" className="button primary">
            Save
          </button>
        </div>
      )}
    </form>
  );
}
