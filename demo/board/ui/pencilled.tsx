/** The mark of a change that is saved on this device and not sent yet. */
import { useStatus } from "dacapo/react";
import { useEffect, useState } from "react";
import { Icon } from "./icon.tsx";
import { words } from "../words/language.ts";

/** With a connection most changes are sent within this time. A mark that appears earlier would only flicker. */
const PATIENCE_MS = 700;

/** True if a change is pending and the mark should show it. */
export function usePencilled(pending: boolean): boolean {
  const live = useStatus((status) => status.connection === "live");
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = pending ? setTimeout(() => setLate(true), PATIENCE_MS) : null;
    return () => {
      if (timer) clearTimeout(timer);
      setLate(false);
    };
  }, [pending]);
  return pending && (late || !live);
}

export function Pencilled({ pending }: { readonly pending: boolean }) {
  return usePencilled(pending) && <PencilMark />;
}

export function PencilMark() {
  return (
    <span className="pencilled" title={words.card.waitingTitle}>
      <Icon name="waiting" /> {words.card.waiting}
    </span>
  );
}
