/** Undoes the last commit of this device, with a click or Ctrl+Z, and redoes it, with a click or Ctrl+Shift+Z. */
import { useLog } from "dacapo/react";
import { useCallback, useEffect } from "react";
import { cards, columns } from "../domain/read-models.ts";
import { Icon } from "./icon.tsx";
import { newerWork } from "./newer-work.ts";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";
import { sayTakenBack } from "./taken-back.ts";

export function UndoButtons() {
  const log = useLog();
  const { notify } = useSpeech();
  const turn = useCallback(
    async function turn(back: boolean, overwrite = false): Promise<void> {
      const moment = () => ({ cards: log.rows(cards).all(), columns: log.rows(columns).all() });
      const before = moment();
      try {
        const done = await (back ? log.undo({ overwrite }) : log.redo({ overwrite }));
        if (!done) return notify({ text: back ? "There is nothing to undo" : "There is nothing to redo" });
        const said = sayTakenBack(before, moment());
        notify({ text: [back ? "Undone" : "Redone", said].filter((text) => text !== null).join(": ") });
      } catch (error) {
        const newer = newerWork(error, log);
        if (newer === "elsewhere") return turn(back, true);
        if (newer === null) return notify({ text: `That is not possible now: ${sayProblem(error)}.` });
        notify({
          text: `${newer}. ${back ? "Undo" : "Redo"} would replace that.`,
          action: { label: back ? "Undo anyway" : "Redo anyway", run: () => void turn(back, true) },
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
        aria-label="Undo"
        title="Undo (Ctrl+Z)"
        aria-keyshortcuts="Control+Z"
        onClick={() => void turn(true)}
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Redo"
        title="Redo (Ctrl+Shift+Z)"
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
