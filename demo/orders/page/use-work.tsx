/** Work that a button starts. It shows that it runs, and the reason if it fails. */
import { createContext, type ReactNode, useContext, useState } from "react";

/** True: the server does not answer, so that no button can do its work. */
export const ServerGone = createContext(false);

export type Work = {
  readonly isBusy: boolean;
  readonly problem: string | null;
  readonly run: (work: () => Promise<unknown>) => Promise<void>;
};

export function useWork(): Work {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    await work().catch((reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason)));
    setBusy(false);
  };
  return { isBusy, problem, run };
}

type WorkButtonProps = {
  readonly work: Work;
  readonly onRun: () => Promise<unknown>;
  readonly isPrimary?: boolean;
  readonly isOff?: boolean;
  readonly children: ReactNode;
};

/** It stays in the order of Tab while it is off. Otherwise a person with a keyboard would lose the place. */
export function WorkButton({ work, onRun, isPrimary = false, isOff = false, children }: WorkButtonProps) {
  const isBlocked = useContext(ServerGone) || work.isBusy || isOff;
  return (
    <button
      type="button"
      className={isPrimary ? "button primary" : "button"}
      aria-disabled={isBlocked}
      onClick={() => void (isBlocked || work.run(onRun))}
    >
      {children}
    </button>
  );
}

export function Problem({ of: { problem } }: { readonly of: Work }) {
  return problem === null ? null : (
    <p role="alert" className="problem">
      {problem}.
    </p>
  );
}
