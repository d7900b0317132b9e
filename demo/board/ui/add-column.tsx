import { randomId } from "dacapo/client";
import { type FormEvent, useState } from "react";
import { column } from "../domain/column.ts";
import { orderBetween } from "../order.ts";
import { formText } from "./form-text.ts";
import { Icon } from "./icon.tsx";
import { useAct } from "./use-act.ts";
import { words } from "../words/language.ts";

/** The form for a new column, after the last column. */
export function AddColumn({ last }: { readonly last: string | null }) {
  const act = useAct();
  const [writing, setWriting] = useState(false);
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = formText(event.currentTarget, "name");
    setWriting(false);
    if (name)
      void act(column.command.add(randomId(), { name, order: orderBetween(last, null) }), words.column.added(name));
  };
  return (
    <div className="add-column">
      {writing ? (
        <form
          className="add-form"
          onSubmit={add}
          onKeyDown={(event) => event.key === "Escape" && !event.nativeEvent.isComposing && setWriting(false)}
        >
          <input
            name="name"
            aria-label={words.column.newName}
            placeholder={words.column.placeholder}
            maxLength={40}
            autoComplete="off"
            autoFocus
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
      ) : (
        <button type="button" className="add-card" onClick={() => setWriting(true)}>
          <Icon name="plus" /> {words.column.add}
        </button>
      )}
    </div>
  );
}
