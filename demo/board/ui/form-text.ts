/** Characters that turn the direction of the text after them, also outside of the name that has them. */
const DIRECTIONS = /[\u202A-\u202E\u2066-\u2069]/g;

/** The text of a form's field, as `cleanText` returns it. */
export function formText(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? cleanText(value) : "";
}

/** A typed name or title: trimmed, and without characters that would turn the words around it. */
export function cleanText(typed: string): string {
  return typed.replace(DIRECTIONS, "").trim();
}
