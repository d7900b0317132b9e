/** The description of a card, saved as it is typed. A text of another person is never replaced without a choice. */
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { card } from "../domain/card.ts";
import { useAct } from "./use-act.ts";
import { useDraft } from "./use-draft.ts";
import { words } from "../words/language.ts";

/** A pause of this length saves. Each save is one change that can be undone. */
const PAUSE_MS = 1_000;

export function Description({ id, description }: { readonly id: string; readonly description: string }) {
  const [draft, setDraft] = useDraft(`card/${id} description`);
  const hint = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const { save, saving, hasFailed } = useSave(id, draft, description, setDraft);
  const dirty = draft !== null && draft.text !== description;
  const conflict = dirty && !saving && draft.over !== description;
  const choose = (mine: boolean) => {
    // The buttons disappear, so the focus goes back to the text.
    field.current?.focus();
    if (mine) void save(true);
    else setDraft(null);
  };
  return (
    <div className="description">
      <label className="field">
        {words.card.description}
        <textarea
          ref={field}
          value={draft?.text ?? description}
          maxLength={5_000}
          rows={3}
          placeholder={words.card.descriptionHint}
          aria-describedby={hint}
          onChange={({ target }) =>
            setDraft(target.value === description ? null : { text: target.value, over: draft?.over ?? description })
          }
          onBlur={() => void save()}
        />
      </label>
      {conflict ? (
        <>
          <p className="hint" id={hint} role="status">
            {description === "" ? words.card.descriptionRemoved : words.card.descriptionChanged(description)}
          </p>
          <div className="row end">
            <button type="button" className="button" onClick={() => choose(true)}>
              {words.card.useMine}
            </button>
            <button type="button" className="button" onClick={() => choose(false)}>
              {words.card.keepOther}
            </button>
          </div>
        </>
      ) : (
        <p className="hint" id={hint}>
          {dirty ? (hasFailed ? words.card.notSaved : words.card.saving) : words.card.saved}
        </p>
      )}
    </div>
  );
}

type DraftState = ReturnType<typeof useDraft>;

/** Saves the draft after a pause, and when the panel closes. `save(true)` replaces a text of another person. */
function useSave(id: string, draft: DraftState[0], description: string, setDraft: DraftState[1]) {
  const act = useAct();
  const [saving, setSaving] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  // A ref, because the draft may change while it is being saved.
  const now = useRef({ draft, description });
  useLayoutEffect(() => {
    now.current = { draft, description };
  });
  const save = useCallback(
    async (overwrite = false) => {
      const { draft, description } = now.current;
      if (draft === null || (!overwrite && draft.over !== description)) return;
      const { text } = draft;
      setSaving(true);
      const saved = text === description || (await act(card.command.describe(id, { description: text })));
      setSaving(false);
      setFailed(!saved);
      const { draft: later } = now.current;
      if (saved) setDraft(later === null || later.text === text ? null : { text: later.text, over: text });
    },
    [act, id, setDraft],
  );
  useEffect(() => {
    if (draft === null) return undefined;
    const timer = setTimeout(() => void save(), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, save]);
  useEffect(() => () => void save(), [save]);
  return { save, saving, hasFailed };
}
