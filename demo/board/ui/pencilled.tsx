/** The mark of a change that is stored here and not yet sent. */
import { useStatus } from "dacapo/react";
import { useEffect, useState } from "react";
import { Icon } from "./icon.tsx";

/** Wait this long, because with a connection most changes are sent sooner, and a mark that flickers says nothing. */
const PATIENCE_MS = 700;

/** True if a change has waited long enough to be marked. */
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
