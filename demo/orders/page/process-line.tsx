/** The sentence about the process manager of the orders: the work that it has now. */
import { clock, count, number } from "./say.ts";
import type { Shop } from "./shop-state.ts";

export function ProcessLine({ process, commands }: Pick<Shop["state"], "process" | "commands">) {
  if (!process) return null;
  return (
    <p className="hint process">
      Each order has a process, <em>fulfilment</em>. {sentence(process)} {timerOf(commands)}
    </p>
  );
}

function sentence({ state, behind, commands, parked }: NonNullable<Shop["state"]["process"]>): string {
  if (state !== "running") return `It is ${state}.`;
  const rest = parked > 0 ? ` ${count(parked, "event")} parked.` : "";
  if (behind === 0 && commands === 0) return `It has handled every event.${rest}`;
  const parts = [
    ...(behind > 0 ? [`${count(behind, "event")} to handle`] : []),
    ...(commands > 0
      ? [`${number(commands)} waiting ${commands === 1 ? "command or timer" : "commands or timers"}`]
      : []),
  ];
  return `It has ${parts.join(" and ")}.${rest}`;
}

function timerOf(commands: Shop["state"]["commands"]): string {
  const next = commands.find(({ timer }) => timer !== null);
  return next ? `The next timer, ${next.timer}, rings at ${clock(next.due)}.` : "";
}
