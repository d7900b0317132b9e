/**
 * Checks that a statement of an app names only the tables of its own model. Pure.
 *
 * It protects an app from its own mistakes, such as a statement that ends the transaction of an append. It is no border
 * against an attacker, because the statements are the app's code.
 */
import { type SqlToken, sqlTokens } from "../stores/sql/tokens.ts";

/** `change`: of a handler. `create`: of a table or an index. `read`: a query. */
export type SqlKind = "change" | "create" | "read";

const FIRST: Readonly<Record<SqlKind, readonly string[]>> = {
  change: ["insert", "update", "delete", "replace", "with"],
  create: ["create"],
  read: ["select", "with", "values"],
};
/** Words that end or begin transactions, change other tables, or reach other databases. */
const REFUSED = new Set(
  (
    "pragma attach detach begin commit rollback savepoint release transaction vacuum reindex truncate alter drop " +
    "trigger grant revoke copy listen notify execute prepare"
  ).split(" "),
);
const REFUSED_IN_READS = new Set(["insert", "update", "delete", "create", "into"]);
/** A table follows these words. */
const TABLE_WORDS = new Set(["from", "join", "into", "update", "using"]);
/** A list of tables ends at these words. */
const ENDS = new Set("where group order having limit offset set on union except intersect returning values".split(" "));
const QUERY_WORDS = new Set(["select", "with", "values"]);

/** Returns why a statement is refused, or null. */
export function sqlProblem(sql: string, kind: SqlKind): string | null {
  const tokens = sqlTokens(sql);
  const [first] = tokens;
  if (!first || !FIRST[kind].includes(first.text)) return `it does not begin with ${FIRST[kind].join(", ")}`;
  for (const token of tokens) {
    const reason = tokenProblem(token, kind);
    if (reason !== null) return reason;
  }
  if (kind === "create") return createProblem(tokens);
  return new TableNames(tokens).foreign();
}

function tokenProblem({ kind: of, text }: SqlToken, kind: SqlKind): string | null {
  if (of === "wrong") return `it has ${text}. Write values as ? with params, and comments with --`;
  if (of === "sign" && text === ";") return "it has a ;. Return several statements instead";
  if (of !== "word" && of !== "quoted") return null;
  const name = of === "word" ? text : text.slice(1).toLowerCase();
  if (/^(dacapo|sqlite|pg)_/.test(name)) return `it names ${text}, which is not a table of the model`;
  if (of === "word" && (REFUSED.has(text) || (kind === "read" && REFUSED_IN_READS.has(text))))
    return `it has the word ${text}. Write a column of this name in quotes`;
  return null;
}

/** `create table OWN (…)`, or `create [unique] index OWN_name on OWN (…)`. */
function createProblem(tokens: readonly SqlToken[]): string | null {
  const texts = tokens.map(({ kind, text }) => (kind === "own" ? kind : text));
  const has = (word: string): boolean =>
    tokens.some(
      ({ kind, text }) =>
        (kind === "word" || kind === "quoted") && text.replaceAll(/["`[\]]/g, "").toLowerCase() === word,
    );
  if (has("log")) return "it names log, which is a column of the view. Give the column another name";
  // A foreign key would refuse the removal of a replaced table.
  if (has("references")) return "it has a foreign key. Check the other table in the statements of the handlers";
  const head = texts.slice(0, 6).join(" ");
  if (/^create (table own \(|index own on own |unique index own on own)/.test(head)) return null;
  return "it is not `create table ${t} (…)`, or `create index ${t}_name on ${t} (…)`";
}

/** The tables that a statement names: after `from`, `join`, `into` and so on, and after the commas of such lists. */
class TableNames {
  readonly #tokens: readonly SqlToken[];
  /** For each open parenthesis: whether a query is inside, and whether its list of tables is read. */
  readonly #levels: { isQuery: boolean; isList: boolean }[] = [{ isQuery: true, isList: false }];

  constructor(tokens: readonly SqlToken[]) {
    this.#tokens = tokens;
  }

  /** The reason why a name is refused, or null. */
  foreign(): string | null {
    const own = this.#commonTables();
    for (const [n, token] of this.#tokens.entries()) {
      if (!this.#isTableNext(n, token)) continue;
      const next = this.#tokens[n + 1];
      if (!next || next.kind === "own" || next.text === "(") continue;
      const isFunction = this.#tokens[n + 2]?.text === "(" && token.text !== "into";
      if (next.kind === "word" && (own.has(next.text) || isFunction || ["lateral", "only"].includes(next.text)))
        continue;
      return `it names ${next.text}, which is not a table of the model`;
    }
    return null;
  }

  #isTableNext(n: number, { kind, text }: SqlToken): boolean {
    const level = this.#levels.at(-1);
    if (text === "(") {
      const isList = level?.isList === true && this.#isTablePlace(n);
      this.#levels.push({ isQuery: QUERY_WORDS.has(this.#word(n + 1)) || isList, isList });
      // `from (a, b)`: the name after the parenthesis is a table.
      return isList && !QUERY_WORDS.has(this.#word(n + 1));
    }
    if (text === ")") this.#levels.pop();
    if (!level?.isQuery) return false;
    if (text === ",") return level.isList;
    if (kind !== "word") return false;
    if (ENDS.has(text)) level.isList = false;
    if (!TABLE_WORDS.has(text)) return false;
    // `is distinct from x` compares, `do update set` has no table, and `join … using (id)` has columns.
    if (text === "from" && this.#word(n - 1) === "distinct") return false;
    if (text === "update" && this.#word(n + 1) === "set") return false;
    level.isList = text === "from" || text === "join" || text === "using";
    return true;
  }

  #isTablePlace(n: number): boolean {
    const before = this.#tokens[n - 1];
    return before?.text === "," || (before?.kind === "word" && ["from", "join"].includes(before.text));
  }

  /** The names of `with name as (…)` and `with name (a, b) as (…)`. */
  #commonTables(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const [n, { kind, text }] of this.#tokens.entries()) {
      if (kind !== "word" || text !== "as") continue;
      let at = n - 1;
      if (this.#tokens[at]?.text === ")") while (at > 0 && this.#tokens[at]?.text !== "(") at--;
      const name = this.#tokens[at === n - 1 ? at : at - 1];
      const opens = [1, 2, 3].some((ahead) => this.#tokens[n + ahead]?.text === "(");
      if (name?.kind === "word" && opens) names.add(name.text);
    }
    return names;
  }

  #word(n: number): string {
    const token = this.#tokens[n];
    return token?.kind === "word" ? token.text : "";
  }
}
