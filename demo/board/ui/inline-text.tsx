/** A text that becomes a field in its place. Enter and leaving the field save the text, Escape discards it. */
import { type KeyboardEvent, useRef } from "react";
import { cleanText } from "./form-text.ts";

type InlineTextProps = {
  readonly label: string;
  readonly value: string;
  readonly lengthMax: number;
  /** @param left whether the person moved the focus elsewhere: then it stays there */
  readonly onDone: (value: string | null, left: boolean) => void;
};

export function InlineText({ label, value, lengthMax, onDone }: InlineTextProps) {
  const ended = useRef(false);
  const end = (next: string | null, left: boolean) => {
    if (ended.current) return;
    ended.current = true;
    const typed = next === null ? "" : cleanText(next);
    onDone(typed && typed !== value ? typed : null, left);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Stop the keys here, because otherwise the card around the field, or the dialog, would handle them.
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    end(event.key === "Enter" ? event.currentTarget.value : null, false);
  };
  return (
    <textarea
      className="inline-text"
      aria-label={label}
      defaultValue={value}
      maxLength={lengthMax}
      rows={1}
      ref={selectAll}
      onKeyDown={onKeyDown}
      onBlur={(event) => end(event.currentTarget.value, true)}
      onPointerDown={(event) => event.stopPropagation()}
    />
  );
}

function selectAll(field: HTMLTextAreaElement | null): void {
  field?.focus();
  field?.select();
}
