import { useLog, usePresence, useRows } from "dacapo/react";
import { useMemo } from "react";
import { cards, comments } from "../domain/read-models.ts";

/** All people of this board, this person first: present people, assignees, authors of changes and of comments. */
export function usePeople(): readonly string[] {
  const { user } = useLog();
  const { present } = usePresence();
  const rows = useRows(cards);
  const said = useRows(comments);
  return useMemo(() => {
    const names = [
      ...present.map(({ actor }) => actor),
      ...rows.flatMap(({ row }) => [row.changedBy, row.assignee ?? user]),
      ...said.map(({ row }) => row.by),
    ];
    return [user, ...[...new Set(names)].filter((name) => name !== user).sort()];
  }, [user, present, rows, said]);
}
