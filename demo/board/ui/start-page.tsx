/** The start page: it requests a name and a board. The address contains both from then on. */
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
        <h1>A board that keeps working when the network stops.</h1>
        <p>
          Each change is saved on this device first and shown at once. When there is a network, the server puts it in
          order with the changes of other people. If two changes conflict, you see both and choose.
        </p>
        <p className="start-duo">
          <a className="button large" href="/duo">
            See two people and one cable
          </a>
        </p>
        <p className="hint">
          This is the demo of Dacapo, a TypeScript library. <a href="/code">Read the code of this board</a>.
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
          A new name starts a new board. People who open the same name share one board.
        </p>
        <button type="submit" className="button primary large" disabled={!ready}>
          Open the board
        </button>
        {ready && (
          <p className="hint">
            Alone? Open it{" "}
            <a
              href={addressOf({ log, name: cleanName(name) === "Ben" ? "Ada" : "Ben" })}
              target="_blank"
              rel="noreferrer"
            >
              as {cleanName(name) === "Ben" ? "Ada" : "Ben"} in another tab
            </a>{" "}
            and switch one of the two tabs offline.
          </p>
        )}
      </form>
    </main>
  );
}

function suggestBoard(): string {
  return `${TEMPI[Math.floor(Math.random() * TEMPI.length)] ?? "andante"}-${Math.floor(Math.random() * 90) + 10}`;
}
