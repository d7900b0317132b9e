import { useLog } from "dacapo/react";
import { Avatar } from "./avatar.tsx";
import { OfflineSwitch } from "./offline-switch.tsx";
import { People } from "./people.tsx";
import { SyncBadge } from "./sync-badge.tsx";
import { UndoButtons } from "./undo-buttons.tsx";
import { Wordmark } from "./wordmark.tsx";

type TopBarProps = {
  /** The page around this board has the name, the way home and the cable. */
  readonly isSide: boolean;
  readonly onOpen: (card: string) => void;
};

export function TopBar({ isSide, onOpen }: TopBarProps) {
  const { log, user } = useLog();
  if (isSide)
    return (
      <header className="top-bar side">
        <Avatar name={user} />
        <h1>{user}</h1>
        <UndoButtons />
        <SyncBadge />
      </header>
    );
  return (
    <header className="top-bar">
      <a className="home" href="/" aria-label="Dacapo: choose another board">
        <Wordmark />
      </a>
      <h1>{log}</h1>
      <UndoButtons />
      <People onOpen={onOpen} />
      <OfflineSwitch />
      <SyncBadge />
    </header>
  );
}
