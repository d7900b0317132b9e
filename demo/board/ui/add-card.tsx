/** A form for cards: Enter adds a card, Escape closes the form. It keeps an unfinished text for the next time. */
import { randomId } from "dacapo/client";
import { type KeyboardEvent, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { card } from "../domain/card.ts";
import { orderBetween } from "../order.ts";
import { cleanText } from "./form-text.ts";
import { Icon } from "./icon.tsx";
import { showCard } from "./reveal-card.ts";
import { useAct } from "./use-act.ts";
import { useDraft } from "./use-draft.ts";
import { words } from "../words/language.ts";

/** @param last order key of the column's last card */
export function AddCard({ column, last }: { readonly column: string; readonly last: string | null }) {
  const act = useAct();
  const [writing, setWriting] = useState(false);
  const [draft, setDraft] = useDraft(`${column} new card`);
  const button = useRef<HTMLButtonElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  const add = async () => {
    const title = cleanText(field.current?.value ?? "");
    if (!title || !field.current) return;
    field.current.value = "";
    setDraft(null);
    const id = randomId();
    const added = await act(
      card.command.add(id, { title, column, order: orderBetween(last, null) }),
      words.card.added(title),
    );
    if (!added) setDraft({ text: title, over: "" });
    if (!added && field.current) field.current.value = title;
    if (added) showCard(`card/${id}`);
    field.current?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      void add();
    } else if (event.key === "Escape") {
      // Synchronously, because otherwise the next key could go to the wrong element.
      flushSync(() => setWriting(false));
      button.current?.focus();
    }
  };

  if (!writing) {
    return (
      <button type="button" className="add-card" ref={button} onClick={() => setWriting(true)}>
        <Icon name="plus" /> {words.card.add}
      </button>
    );
  }
  return (
    <form
      className="add-form"
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget) && !field.current?.value.trim()) setWriting(false);
      }}
    >
      <textarea
        ref={field}
        aria-label={words.card.newTitle}
        placeholder={words.card.placeholder}
        maxLength={200}
        rows={2}
        autoFocus
        defaultValue={draft?.text}
        onChange={({ target }) => setDraft(target.value === "" ? null : { text: target.value, over: "" })}
        onKeyDown={onKeyDown}
      />
      <div className="row">
        <button type="submit" className="button primary">
          {words.common.add}
        </button>
        <button type="button" className="button" onClick={() => setWriting(false)}>
          {words.common.close}
        </button>
      </div>
    </form>
  );
}
