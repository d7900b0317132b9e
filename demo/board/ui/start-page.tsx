/** The start page: it requests a name and a board. The address contains both from then on. */
import { type FormEvent, useState } from "react";
import { addressOf, cleanName, logOf, proposalFor, rememberedLogs, whyNot, whyNotTyped } from "../session.ts";
import { LanguageSwitch } from "./language-switch.tsx";
import { Wordmark } from "./wordmark.tsx";
import { words } from "../words/language.ts";

const TEMPI = [
  "adagio",
  "allegro",
  "andante",
  "cantabile",
  "grazioso",
  "largo",
  "moderato",
  "presto",
  "scherzo",
  "vivace",
];

export function StartPage() {
  const logs = rememberedLogs();
  const { search } = location;
  const [proposal] = useState(() => proposalFor(search));
  const [name, setName] = useState(proposal.name);
  const [board, setBoard] = useState(() => proposal.board || suggestBoard());
  const log = logOf(board.trim(), search);
  // The typed board comes first, because the person is typing it.
  const why = whyNotTyped(board, log) ?? whyNot(search);
  const ready = cleanName(name) !== "" && log !== "";
  const open = (event: FormEvent) => {
    event.preventDefault();
    if (ready) location.assign(addressOf({ log, name: cleanName(name) }));
  };
  return (
    <main className="start">
      <div className="start-words">
        <Wordmark />
        <h1>{words.start.title}</h1>
        <p>{words.start.about}</p>
        <p className="start-duo">
          <a className="button large" href="/duo">
            {words.start.toDuo}
          </a>
        </p>
        <p className="hint">
          {words.start.demoOf}
          <a href="/code">{words.start.toCode}</a>
          {words.start.stop} <LanguageSwitch />
        </p>
      </div>
      <form className="start-form" onSubmit={open}>
        {why !== null && (
          <p className="start-why" role="alert">
            {why}
          </p>
        )}
        <label className="field">
          {words.start.name}
          <input
            value={name}
            onChange={(event) => setName(event.target.value)}
            maxLength={64}
            autoComplete="given-name"
            autoFocus
            required
            placeholder="Ada"
          />
        </label>
        <label className="field">
          {words.start.board}
          <input
            value={board}
            onChange={(event) => setBoard(event.target.value)}
            maxLength={128}
            autoComplete="off"
            list="boards"
            required
            aria-describedby="board-hint"
          />
        </label>
        <datalist id="boards">
          {logs.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
        <p id="board-hint" className="hint">
          {words.start.boardHint}
        </p>
        <button type="submit" className="button primary large" disabled={!ready}>
          {words.start.open}
        </button>
        {ready && (
          <p className="hint">
            {words.start.alone}
            <a
              href={addressOf({ log, name: cleanName(name) === "Ben" ? "Ada" : "Ben" })}
              target="_blank"
              rel="noreferrer"
            >
              {words.start.asOther(cleanName(name) === "Ben" ? "Ada" : "Ben")}
            </a>
            {words.start.thenOffline}
          </p>
        )}
      </form>
    </main>
  );
}

function suggestBoard(): string {
  return `${TEMPI[Math.floor(Math.random() * TEMPI.length)] ?? "andante"}-${Math.floor(Math.random() * 90) + 10}`;
}
