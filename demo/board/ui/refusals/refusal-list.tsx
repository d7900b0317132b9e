/**
 * One line for all refused changes, and a list behind it with a choice for each and for all.
 *
 * It is before the board in the page, so that the Tab key reaches it before the cards.
 */
import { useStatus } from "dacapo/react";
import { type RefObject, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { Icon } from "../icon.tsx";
import { focusCard } from "../reveal-card.ts";
import { useSpeech } from "../speech.tsx";
import { Time } from "../time.tsx";
import { useNames } from "../use-names.ts";
import { field, sayCommand } from "../words.ts";
import { Conflict } from "./conflict.tsx";
import { commitsOf } from "./refusal.ts";
import { type Answer, useAnswers, useSettle } from "./use-settle.ts";
import type { ShownRefusal } from "./use-refusals.ts";
import { words } from "../../words/language.ts";

type RefusalListProps = {
  readonly refusals: readonly ShownRefusal[];
  readonly onOpen: (card: string) => void;
};

export function RefusalList({ refusals, onOpen }: RefusalListProps) {
  const count = refusals.flatMap(commitsOf).length;
  useAnnounced(count);
  const list = useRef<HTMLOListElement>(null);
  const leave = useFocusAfter(list, refusals);
  return count > 0 && <Refusals refusals={refusals} count={count} list={list} leave={leave} onOpen={onOpen} />;
}

type RefusalsProps = RefusalListProps & {
  readonly count: number;
  readonly list: RefObject<HTMLOListElement | null>;
  readonly leave: (refusal: ShownRefusal | null) => void;
};

function Refusals({ refusals, count, list, leave, onOpen }: RefusalsProps) {
  const [open, setOpen] = useState(false);
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const id = useId();
  const settle = useSettle();
  const answer = async (refusal: ShownRefusal, choice: Answer) => {
    leave(refusal);
    const failed = await settle(refusal, choice);
    if (failed === null) return;
    leave(null);
    setProblems((before) => new Map(before).set(refusal.key, failed));
  };
  const answerAll = async (choice: Answer) => {
    for (const refusal of refusals) await answer(refusal, choice);
  };
  return (
    <section className="refusals" aria-label={words.refusals.label}>
      <p className="refusals-line">
        <Icon name="alert" />
        <span>{words.refusals.yours(count)}</span>
        <button type="button" className="button" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          {open ? words.refusals.hide : words.refusals.show}
        </button>
      </p>
      <div id={id} className="refusals-inside" hidden={!open}>
        {refusals.length > 1 && (
          <div className="row for-all" role="group" aria-label={words.refusals.forAll}>
            <span className="hint">{words.refusals.forAllOf(refusals.length)}</span>
            <button type="button" className="button" onClick={() => void answerAll("mine")}>
              {words.refusals.useAllMine}
            </button>
            <button type="button" className="button" onClick={() => void answerAll("there")}>
              {words.refusals.keepThere}
            </button>
          </div>
        )}
        <ol ref={list}>
          {refusals.map((refusal) => (
            <RefusalItem
              key={refusal.key}
              refusal={refusal}
              problem={problems.get(refusal.key) ?? null}
              onAnswer={(choice) => answer(refusal, choice)}
              onOpen={onOpen}
            />
          ))}
        </ol>
      </div>
    </section>
  );
}

type RefusalItemProps = {
  readonly refusal: ShownRefusal;
  readonly problem: string | null;
  readonly onAnswer: (answer: Answer) => Promise<void>;
  readonly onOpen: (card: string) => void;
};

function RefusalItem({ refusal, problem, onAnswer, onOpen }: RefusalItemProps) {
  const { refused, last, seenName, texts } = refusal;
  const column = field(refused.input ?? null, "column");
  const names = useNames([refused.stream, ...(column === "" ? [] : [`board-column/${column}`])]);
  const answers = useAnswers(refusal);
  const [busy, setBusy] = useState(false);
  // The server would refuse the same change of this page again.
  const needsNewestPage = useStatus((status) => status.outdated) && last.code === "outdated";
  const end = async (answer: Answer) => {
    setBusy(true);
    await onAnswer(answer);
    setBusy(false);
  };
  const isOnBoard = refused.stream.startsWith("card/") && names(refused.stream) !== null;
  return (
    <li className="refusal">
      <h2>
        {words.refusals.wanted(
          sayCommand(refused, (stream) => (stream === refused.stream && seenName) || names(stream)),
          last.commands.length - 1,
        )}
      </h2>
      <p className="why">
        {texts === null &&
          words.refusals.why(
            last.code === "outdated" ? words.refusals.outdated : words.reason(last.code, last.message),
          )}
        <Time at={last.rejectedAt} />
      </p>
      {texts && <Conflict texts={texts} />}
      {problem !== null && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <button type="button" className="button" disabled={busy || needsNewestPage} onClick={() => void end("mine")}>
          {answers.mine}
        </button>
        <button type="button" className="button" disabled={busy} onClick={() => void end("there")}>
          {answers.there}
        </button>
        {isOnBoard && (
          <button type="button" className="button quiet" onClick={() => onOpen(refused.stream)}>
            {words.refusals.openCard}
          </button>
        )}
      </div>
    </li>
  );
}

function useAnnounced(count: number): void {
  const { announce } = useSpeech();
  const before = useRef(0);
  useEffect(() => {
    if (count > before.current) announce(words.refusals.announced(count));
    before.current = count;
  }, [announce, count]);
}

/** Returns a function that moves the focus once a refusal is gone: to the next one, to its card, or to the board. */
function useFocusAfter(
  list: RefObject<HTMLOListElement | null>,
  refusals: readonly ShownRefusal[],
): (refusal: ShownRefusal | null) => void {
  const leaving = useRef<{ readonly refusal: ShownRefusal; readonly at: number } | null>(null);
  useLayoutEffect(() => {
    const left = leaving.current;
    if (!left || refusals.some(({ key }) => key === left.refusal.key)) return;
    leaving.current = null;
    const items = [...(list.current?.children ?? [])];
    const next = items[Math.min(left.at, items.length - 1)]?.querySelector<HTMLElement>("button:not(:disabled)");
    if (next) next.focus();
    else if (!focusCard(left.refusal.refused.stream)) document.querySelector<HTMLElement>(".board")?.focus();
  }, [list, refusals]);
  return (refusal) => {
    leaving.current = refusal && { refusal, at: refusals.findIndex(({ key }) => key === refusal.key) };
  };
}
