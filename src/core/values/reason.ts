/** Short texts for people: the reason in a thrown value, and a text that is cut to a length. */

/** Characters of a reason. Outcomes and statuses carry it, and an app may throw an error with a long text. */
const REASON_LENGTH_MAX = 1_000;

/** The text of a thrown value, for people. It never throws, because an app may throw a value that has no text. */
export function reasonOf(thrown: unknown): string {
  try {
    return shortText(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
  } catch {
    return "a value that cannot be shown as text";
  }
}

/** The message of a thrown value without the name of its class, for a message that names what failed. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A text of at most `lengthMax` UTF-16 units. It is well-formed, because a cut may split a character in two. */
export function shortText(text: string, lengthMax: number = REASON_LENGTH_MAX): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text;
  return cut.toWellFormed();
}
