/** The mark of what is kept here and not yet sent. */
import { useStatus } from "dacapo/react";
import { useEffect, useState } from "react";
import { Icon } from "./icon.tsx";

/** With a connection most things are sent within this time; a mark that only flickers would say nothing. */
const PATIENCE_MS = 700;

/** True where a change waits to be sent, and is worth to be shown so. */
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
    <span className="pencilled" title="Kept on this device; not yet sent">
      <Icon name="waiting" /> waiting
    </span>
  );
}
