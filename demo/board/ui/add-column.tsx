import { randomId } from "dacapo/client";
import { type FormEvent, useRef, useState } from "react";
import { flushSync } from "react-dom";
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
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    // Synchronously, because otherwise the next key could go to the wrong element.
    flushSync(() => setWriting(false));
    button.current?.focus();
  };
  const add = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = formText(event.currentTarget, "name");
    close();
    if (!name) return;
    const order = orderBetween(last, null);
    await act(column.command.add(randomId(), { name, order }), words.column.added(name));
    // The new column has moved it aside.
    button.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  return (
    <div className="add-column">
      {writing ? (
        <form
          className="add-form"
          onSubmit={(event) => void add(event)}
          onKeyDown={(event) => event.key === "Escape" && !event.nativeEvent.isComposing && close()}
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
            <button type="button" className="button" onClick={close}>
              {words.common.close}
            </button>
          </div>
        </form>
      ) : (
        <button type="button" className="add-card" ref={button} onClick={() => setWriting(true)}>
          <Icon name="plus" /> {words.column.add}
        </button>
      )}
    </div>
  );
}
