/** Undoes the last commit of this device, with a click or Ctrl+Z. Ctrl+Shift+Z redoes it. */
import { useLog } from "dacapo/react";
import { useCallback, useEffect } from "react";
import { Icon } from "./icon.tsx";
import { newerWork } from "./newer-work.ts";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";

export function UndoButton() {
  const log = useLog();
  const { announce, notify } = useSpeech();
  const turn = useCallback(
    async function turn(back: boolean, overwrite = false): Promise<void> {
      try {
        const done = await (back ? log.undo({ overwrite }) : log.redo({ overwrite }));
        if (done) announce(back ? "Undone" : "Redone");
        else notify({ text: back ? "There is nothing to undo" : "There is nothing to redo" });
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
    [log, announce, notify],
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
  );
}

/** True for fields, which have their own undo. */
function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}
