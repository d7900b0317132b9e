/** Undoes the last commit of this device, with a click or Ctrl+Z, and redoes it, with a click or Ctrl+Shift+Z. */
import { useLog } from "dacapo/react";
import { useCallback, useEffect } from "react";
import { cards, columns } from "../domain/read-models.ts";
import { Icon } from "./icon.tsx";
import { newerWork } from "./newer-work.ts";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";
import { sayTakenBack } from "./taken-back.ts";
import { words } from "../words/language.ts";

export function UndoButtons() {
  const log = useLog();
  const { notify } = useSpeech();
  const turn = useCallback(
    async function turn(back: boolean, overwrite = false): Promise<void> {
      const moment = () => ({ cards: log.rows(cards).all(), columns: log.rows(columns).all() });
      const before = moment();
      try {
        const done = await (back ? log.undo({ overwrite }) : log.redo({ overwrite }));
        if (!done) return notify({ text: back ? words.undo.nothing : words.undo.nothingToRedo });
        const said = sayTakenBack(before, moment());
        notify({ text: back ? words.undo.undone(said) : words.undo.redone(said) });
      } catch (error) {
        const newer = newerWork(error, log);
        if (newer === "elsewhere") return turn(back, true);
        if (newer === null) return notify({ text: words.undo.impossible(sayProblem(error)) });
        notify({
          text: back ? words.undo.undoReplaces(newer) : words.undo.redoReplaces(newer),
          action: { label: back ? words.undo.undoAnyway : words.undo.redoAnyway, run: () => void turn(back, true) },
        });
      }
    },
    [log, notify],
  );
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || isField(event.target)) return;
      event.preventDefault();
      void turn(!event.shiftKey);
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [turn]);
  return (
    <span className="undo">
      <button
        type="button"
        className="icon-button"
        aria-label={words.undo.undo}
        title={words.undo.undoTitle}
        aria-keyshortcuts="Control+Z"
        onClick={() => void turn(true)}
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={words.undo.redo}
        title={words.undo.redoTitle}
        aria-keyshortcuts="Control+Shift+Z"
        onClick={() => void turn(false)}
      >
        <Icon name="redo" />
      </button>
    </span>
  );
}

/** True for fields, which have their own undo. */
function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}
