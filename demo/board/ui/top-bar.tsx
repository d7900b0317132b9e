import { useLog } from "dacapo/react";
import { OfflineSwitch } from "./offline-switch.tsx";
import { People } from "./people.tsx";
import { SyncBadge } from "./sync-badge.tsx";
import { UndoButtons } from "./undo-buttons.tsx";
import { Wordmark } from "./wordmark.tsx";

export function TopBar({ onOpen }: { readonly onOpen: (card: string) => void }) {
  const { log } = useLog();
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
