/** Splits a statement of an app into words, names, texts and marks, for SQLite and Postgres. Pure. */

/**
 * A part of a statement. `word`: a keyword or a name, in lower case. `quoted`: a name in quotes. `own`: a placeholder
 * of a table, such as `«invoice»_by_day`. `wrong`: a part that no statement may have.
 */
export type SqlToken = {
  readonly kind: "word" | "quoted" | "own" | "text" | "number" | "mark" | "sign" | "wrong";
  readonly text: string;
  /** The index of its first character. */
  readonly start: number;
};

const PATTERNS: readonly (readonly [kind: SqlToken["kind"] | null, pattern: RegExp])[] = [
  [null, /\s+|--[^\n]*/y],
  // A string with backslashes, and a comment that may nest, hide words from this reader.
  ["wrong", /[eEuU]&?'|\/\*|\$/y],
  ["text", /'(?:[^']|'')*'/y],
  ["quoted", /"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]/y],
  ["own", /«[a-z0-9_]+»[A-Za-z0-9_]*/y],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["number", /\d[\w.]*/y],
  ["mark", /\?/y],
  ["sign", /[\s\S]/y],
];

export function sqlTokens(sql: string): readonly SqlToken[] {
  const tokens: SqlToken[] = [];
  for (let start = 0; start < sql.length;) {
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = start;
      const [found] = pattern.exec(sql) ?? [];
      if (found === undefined) continue;
      if (kind !== null) tokens.push({ kind, text: kind === "word" ? found.toLowerCase() : found, start });
      start += found.length;
      break;
    }
  }
  return tokens;
}

/**
 * The statement for SQLite, where each number of JavaScript is a double: 5 would become the text `5.0`, and divide as
 * 5.0 does. So whole numbers are cast. The plus removes the affinity of the cast, so that a column of texts is compared
 * as texts, through its index. In Postgres a parameter has the type of its place.
 */
export function wholeMarks(sql: string, params: readonly unknown[]): string {
  if (!params.some(Number.isSafeInteger)) return sql;
  let n = 0;
  return sql.replace(MARKS_AND_QUOTED, (found) =>
    found === "?" && Number.isSafeInteger(params[n++]) ? "+cast(? as integer)" : found,
  );
}

const MARKS_AND_QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\?/g;

/** The statement with `$1`, `$2` and so on for its marks, as Postgres numbers them. */
export function numberedMarks(sql: string): string {
  let text = "";
  let end = 0;
  const marks = sqlTokens(sql).filter(({ kind }) => kind === "mark");
  for (const [n, { start }] of marks.entries()) {
    text += `${sql.slice(end, start)}$${n + 1}`;
    end = start + 1;
  }
  return text + sql.slice(end);
}
