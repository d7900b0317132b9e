/**
 * Starts a new board with three columns, in one commit, once the server has confirmed that the board is empty.
 *
 * Two people who open a new board at the same moment both do this. The columns' ids are fixed, so the second commit has
 * no events: there are three columns, not six.
 */
import { useLog, useStatus } from "dacapo/react";
import { useCallback, useEffect, useRef } from "react";
import { column } from "../domain/column.ts";
import { useAct } from "./use-act.ts";
import { words } from "../words/language.ts";

const FIRST = [
  { id: "todo", order: "F" },
  { id: "doing", order: "V" },
  { id: "done", order: "k" },
];

/** Returns the function that starts the board, for a person who is offline and does not want to wait. */
export function useFirstColumns(): () => void {
  const log = useLog();
  const act = useAct();
  const begun = useRef("");
  const untouched = useStatus(
    (status) => status.connection === "live" && status.position === 0 && status.head === 0 && status.pending === 0,
  );
  const begin = useCallback(() => {
    if (begun.current === log.log) return;
    begun.current = log.log;
    void act(
      FIRST.map(({ id, order }, at) => column.command.add(id, { name: words.board.firstColumns[at] ?? id, order })),
    );
  }, [log, act]);
  useEffect(() => {
    if (untouched) begin();
  }, [untouched, begin]);
  return begin;
}
