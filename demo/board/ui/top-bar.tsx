import { useLog } from "dacapo/react";
import { useMemo } from "react";
import { Avatar } from "./avatar.tsx";
import { BoardMenu } from "./board-menu.tsx";
import { OfflineSwitch } from "./offline-switch.tsx";
import { People } from "./people.tsx";
import { type ColumnEntry, idOf } from "./rows.ts";
import { SearchButton } from "./search/search-button.tsx";
import { SyncBadge } from "./sync-badge.tsx";
import { UndoButtons } from "./undo-buttons.tsx";
import { Wordmark } from "./wordmark.tsx";
import { words } from "../words/language.ts";

type TopBarProps = {
  /** The page around this board has the name, the way home and the cable. */
  readonly isSide: boolean;
  readonly columns: readonly ColumnEntry[];
  /** The board has a column with so many cards that find-in-page does not reach all. */
  readonly isLarge: boolean;
  readonly onOpen: (card: string) => void;
  readonly hasLog: boolean;
  readonly onLog: (shown: boolean) => void;
};

export function TopBar({ isSide, columns, isLarge, onOpen, hasLog, onLog }: TopBarProps) {
  const { log, user } = useLog();
  const names = useMemo(() => new Map(columns.map(({ key, row }) => [idOf(key), row.name])), [columns]);
  if (isSide)
    return (
      <header className="top-bar side">
        <Avatar name={user} />
        <h1>{user}</h1>
        <SyncBadge isSide />
        <UndoButtons />
      </header>
    );
  return (
    <header className="top-bar">
      <a className="home" href="/" aria-label={words.board.chooseAnother}>
        <Wordmark />
      </a>
      <h1>{log}</h1>
      {/* The parts whose width changes come first, because the controls must not move under the pointer. */}
      <SyncBadge />
      <People onOpen={onOpen} />
      <OfflineSwitch />
      <SearchButton columns={names} replacesFind={isLarge} onOpen={onOpen} />
      <UndoButtons />
      <BoardMenu columns={columns} hasLog={hasLog} onLog={onLog} />
    </header>
  );
}
