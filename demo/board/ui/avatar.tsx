/** A person as a disc with initials. The colour follows from the name, so it is the same on every screen. */
const HUES = [212, 12, 152, 268, 38, 188, 328, 96];

export function Avatar({
  name,
  title = name,
  here = false,
}: {
  readonly name: string;
  readonly title?: string;
  readonly here?: boolean;
}) {
  return (
    <span
      className={here ? "avatar here" : "avatar"}
      style={{ "--hue": hueOf(name) }}
      title={title}
      role="img"
      aria-label={title}
    >
      {initialsOf(name)}
    </span>
  );
}

function hueOf(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return HUES[sum % HUES.length] ?? 212;
}

function initialsOf(name: string): string {
  const [first = "", ...others] = name.split(" ");
  return [first, others.at(-1) ?? ""].map(firstLetter).join("").toUpperCase();
}

function firstLetter(word: string): string {
  const [first] = new Intl.Segmenter().segment(word);
  return first?.segment ?? "";
}
