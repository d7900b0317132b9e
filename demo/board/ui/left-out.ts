/** Notices for a paste or a drop, because a field with a `maxLength` cuts the text without a message. */
import { words } from "../words/language.ts";

/** The notice for a paste or a drop; null if all of the text fits. */
export function leftOut(event: ClipboardEvent | DragEvent): string | null {
  const { target } = event;
  const field = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement ? target : null;
  const came = ("clipboardData" in event ? event.clipboardData : event.dataTransfer)?.getData("text/plain");
  if (!field || field.maxLength < 0 || !came) return null;
  // A paste replaces the selected text.
  const selected = event.type === "paste" ? (field.selectionEnd ?? 0) - (field.selectionStart ?? 0) : 0;
  return sayLeftOut({
    came: came.replaceAll("\r\n", "\n").length,
    room: field.maxLength - field.value.length + selected,
    lengthMax: field.maxLength,
  });
}

export function sayLeftOut({
  came,
  room,
  lengthMax,
}: {
  readonly came: number;
  readonly room: number;
  readonly lengthMax: number;
}): string | null {
  const over = came - Math.max(0, room);
  if (over <= 0) return null;
  return over === came ? words.leftOut.all(lengthMax) : words.leftOut.some(over, lengthMax);
}
