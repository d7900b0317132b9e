/**
 * The parts of a server that follow its logs: read models, bases, subscribers and process managers.
 *
 * Place: the entry creates them once, reports each append to all of them, and closes them.
 */
import type { Cursor } from "../../core/history/record.ts";
import { Turn, type TurnLimits } from "../base/turn.ts";
import { Bases, type BasesOptions } from "../bases/bases.ts";
import { type AnyProcessManager, splitSubscribers } from "../processes/process-manager.ts";
import { Processes } from "../processes/processes.ts";
import { ModelKeepers, type ModelKeepersOptions } from "../read-models/model-keepers.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import type { Subscriber } from "../subscribers/subscriber.ts";
import { Subscribers, type SubscribersOptions } from "../subscribers/subscribers.ts";

/** The limits of a runtime that sleeps between events, and its way to the logs of other servers. */
export type SleepingRuntime = {
  /** The background work after one event. The rest waits for the next call of `work`. */
  readonly turn: TurnLimits;
  /** Executes the commands of a handler. `execute` does it in a log of this server. */
  readonly executeAs: (execute: ExecuteAs) => ExecuteAs;
  /** Called before long work, so that the runtime wakes again if it loses its memory meanwhile. */
  readonly wakeSoon?: () => void;
};

export type FollowersOptions = Omit<
  ModelKeepersOptions & SubscribersOptions & BasesOptions,
  "subscribers" | "turn" | "wakeSoon"
> & {
  readonly handles: readonly (Subscriber | AnyProcessManager)[];
  readonly sleeps: SleepingRuntime | undefined;
};

export function createFollowers({ handles, sleeps, ...given }: FollowersOptions) {
  const turn = sleeps ? new Turn(sleeps.turn, given.env) : null;
  const executeAs = sleeps?.executeAs(given.executeAs) ?? given.executeAs;
  const options = { ...given, turn, executeAs, wakeSoon: sleeps?.wakeSoon };
  const keepers = new ModelKeepers(options);
  const { subscribers: handlers, processes: managers } = splitSubscribers(handles);
  const subscribers = new Subscribers({ ...options, subscribers: handlers });
  const processes = new Processes({
    ...options,
    processes: managers,
    taken: new Set([...subscribers.definitions.keys(), ...keepers.models.keys()]),
  });
  const bases = new Bases(options);
  const pokeHandlers = (log: string | null): void => {
    subscribers.poke(log);
    processes.poke(log);
  };
  return {
    keepers,
    bases,
    subscribers,
    processes,
    start: (): void => {
      keepers.start();
      bases.start();
      subscribers.start();
      processes.start();
    },
    poke: (log: string | null): void => {
      keepers.poke(log);
      pokeHandlers(log);
    },
    appended: (log: string, head: Cursor | null, isFolded: boolean): void => {
      if (isFolded) keepers.folded(log);
      else keepers.poke(log);
      pokeHandlers(log);
      bases.appended(log, head);
    },
    /** Closes the read models and the bases. */
    closeKeepers: async (): Promise<void> => {
      await Promise.all([keepers.close(), bases.close()]);
    },
    /** Closes the subscribers and the process managers. */
    close: async (): Promise<void> => {
      await Promise.all([subscribers.close(), processes.close()]);
    },
    work: async (log: string): Promise<number> =>
      Math.min(...(await Promise.all([keepers, subscribers, processes, bases].map((part) => part.work(log))))),
  };
}
