import type { CommandRequest } from "dacapo";
import { useExecute } from "dacapo/react";
import { useCallback } from "react";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";

/** Executes commands as one commit and returns true if it was recorded. A notice shows an immediate rejection. */
export function useAct(): (commands: CommandRequest | readonly CommandRequest[], said?: string) => Promise<boolean> {
  const execute = useExecute();
  const { announce, notify } = useSpeech();
  return useCallback(
    async (commands, said) => {
      try {
        await execute(commands);
        if (said) announce(said);
        return true;
      } catch (error) {
        notify({ text: `${sayProblem(error)}.` });
        return false;
      }
    },
    [execute, announce, notify],
  );
}
