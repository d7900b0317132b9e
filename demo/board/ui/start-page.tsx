/** The start page: a name and a board. Everything else follows from the address. */
import { type FormEvent, useState } from "react";
import { addressOf, cleanName, logOf, proposalFor, rememberedLogs, whyNot } from "../session.ts";
import { Wordmark } from "./wordmark.tsx";

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
  const why = whyNot(search);
  const ready = cleanName(name) !== "" && log !== "";
  const open = (event: FormEvent) => {
    event.preventDefault();
    if (ready) location.assign(addressOf({ log, name: cleanName(name) }));
  };
  return (
    <main className="start">
      <div className="start-words">
        <Wordmark />
        <h1>A board that plays on when the network stops.</h1>
        <p>
          Everything you do is written into a log on this device first and shown at once. When there is a network, it is
          put in order with what the others did; where two of you wanted different things, you are told and choose.
        </p>
      </div>
      <form className="start-form" onSubmit={open}>
        {why !== null && (
          <p className="start-why" role="alert">
            {why}
          </p>
        )}
        <label className="field">
          Your name
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
          Board
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
          A new name begins a new board. Whoever opens the same name is on the same board.
        </p>
        <button type="submit" className="button primary large" disabled={!ready}>
          Open the board
        </button>
        {ready && (
          <p className="hint">
            Alone? Take a second seat: open it{" "}
            <a
              href={addressOf({ log, name: cleanName(name) === "Ben" ? "Ada" : "Ben" })}
              target="_blank"
              rel="noreferrer"
            >
              as {cleanName(name) === "Ben" ? "Ada" : "Ben"} in another tab
            </a>{" "}
            and take one of you offline.
          </p>
        )}
      </form>
    </main>
  );
}

function suggestBoard(): string {
  return `${TEMPI[Math.floor(Math.random() * TEMPI.length)] ?? "andante"}-${Math.floor(Math.random() * 90) + 10}`;
}
