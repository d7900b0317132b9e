/** Refused changes: the wanted change, the changes that came first, and the choice between Retry and Discard. */
import type { RejectedCommit } from "dacapo/client";
import { useRejections, useStatus } from "dacapo/react";
import { useEffect, useRef, useState } from "react";
import { Avatar } from "./avatar.tsx";
import { sayProblem } from "./say-problem.ts";
import { Time } from "./time.tsx";
import { useNames } from "./use-names.ts";
import { useSpeech } from "./speech.tsx";
import { type Names, sayCommand, sayEvent } from "./words.ts";

const OUTDATED = "An older version of this page made the change, and the server needs more for it now";

export function Rejections({ onOpen }: { readonly onOpen: (card: string) => void }) {
  const rejections = useRejections();
  const { announce } = useSpeech();
  const before = useRef(0);
  useEffect(() => {
    if (rejections.length > before.current)
      announce("A change of yours was refused. Choose Retry or Discard in “Changes that were refused”.");
    before.current = rejections.length;
  }, [announce, rejections.length]);
  const names = useNames(
    rejections.flatMap(({ commands }) => commands.flatMap(({ stream, input }) => [stream, ...columnsIn(input)])),
  );
  if (rejections.length === 0) return null;
  return (
    <section className="rejections" aria-label="Changes that were refused">
      {rejections.map((rejection) => (
        <Rejection key={rejection.commit} rejection={rejection} names={names} onOpen={onOpen} />
      ))}
    </section>
  );
}

type RejectionProps = {
  readonly rejection: RejectedCommit;
  readonly names: Names;
  readonly onOpen: (card: string) => void;
};

function Rejection({ rejection, names, onOpen }: RejectionProps) {
  const { commands, command, code, message, theirs, rejectedAt } = rejection;
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  // The server would refuse the same change of this page again.
  const needsNewestPage = useStatus((status) => status.outdated) && code === "outdated";
  const refused = commands[command] ?? commands[0];
  const end = async (how: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await how();
    } catch (error) {
      setProblem(sayProblem(error));
      setBusy(false);
    }
  };
  if (!refused) return null;
  const isOnBoard = refused.stream.startsWith("card/") && names(refused.stream) !== null;
  return (
    <article className="rejection">
      <h2>
        You wanted to {sayCommand(refused, names)}
        {commands.length > 1 && ` and ${commands.length - 1} more in one step`}
      </h2>
      <p className="why">
        {code === "outdated" ? OUTDATED : message}. <Time at={rejectedAt} />
      </p>
      {theirs.length > 0 && (
        <details>
          <summary>{theirs.length === 1 ? "1 change came first" : `${theirs.length} changes came first`}</summary>
          <ul className="theirs">
            {theirs.map((event) => (
              <li key={event.id}>
                <Avatar name={event.actor} />
                <span>
                  <b>{event.actor}</b> {sayEvent(event, names)} <Time at={event.time} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {problem !== null && (
        <p className="problem" role="alert">
          The change is still not possible: {problem}.
        </p>
      )}
      <div className="row">
        <button
          type="button"
          className="button primary"
          disabled={busy || needsNewestPage}
          onClick={() => void end(() => rejection.retry())}
        >
          Retry
        </button>
        <button type="button" className="button" disabled={busy} onClick={() => void end(() => rejection.discard())}>
          Discard
        </button>
        {isOnBoard && (
          <button type="button" className="button quiet" onClick={() => onOpen(refused.stream)}>
            Open the card
          </button>
        )}
      </div>
    </article>
  );
}

function columnsIn(input: RejectedCommit["commands"][number]["input"]): readonly string[] {
  if (typeof input !== "object" || input === null || !("column" in input)) return [];
  return typeof input.column === "string" ? [`board-column/${input.column}`] : [];
}
