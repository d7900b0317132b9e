import { useRows } from "dacapo/react";
import type { FormEvent } from "react";
import { card } from "../domain/card.ts";
import { comments } from "../domain/read-models.ts";
import { Avatar } from "./avatar.tsx";
import { Pencilled } from "./pencilled.tsx";
import { idOf } from "./rows.ts";
import { Time } from "./time.tsx";
import { useAct } from "./use-act.ts";
import { useDraft } from "./use-draft.ts";
import { words } from "../words/language.ts";

export function Comments({ stream }: { readonly stream: string }) {
  const act = useAct();
  const [draft, setDraft] = useDraft(`${stream} comment`);
  const said = useRows(comments, { where: (row) => row.card === stream, orderBy: (row, key) => [row.time, key] });
  const say = async (event: FormEvent) => {
    event.preventDefault();
    const text = draft?.text.trim();
    if (!text) return;
    setDraft(null);
    if (!(await act(card.command.comment(idOf(stream), { text }), words.card.commentAdded))) setDraft(draft);
  };
  return (
    <section className="comments" aria-label={words.card.commentsHead}>
      <h3>{words.card.commentsHead}</h3>
      <ol>
        {said.map(({ key, row, pending }) => (
          <li key={key} className="comment">
            <Avatar name={row.by} />
            <div>
              <p className="comment-head">
                <b>{row.by}</b> <Time at={row.time} />
                <Pencilled pending={pending} />
              </p>
              <p className="comment-text">{row.text}</p>
            </div>
          </li>
        ))}
      </ol>
      <form onSubmit={(event) => void say(event)}>
        <textarea
          value={draft?.text ?? ""}
          aria-label={words.card.yourComment}
          placeholder={words.card.writeComment}
          maxLength={2_000}
          rows={2}
          onChange={({ target }) => setDraft(target.value === "" ? null : { text: target.value, over: "" })}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void say(event);
          }}
        />
        <div className="row end">
          <button type="submit" className="button">
            {words.card.comment}
          </button>
        </div>
      </form>
    </section>
  );
}
