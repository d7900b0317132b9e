/**
 * The stop of a sync server: its pushes, its sockets, its requests and its store, in this order.
 *
 * Guarantees (node.graceful-stop.test.ts):
 * - Each step has a time limit, so that a store that hangs does not keep the process from its end.
 * - A push that was accepted is answered, if its store answers in time.
 */
import { type Env, settlesWithin } from "../base/env.ts";
import type { LogSignals } from "../base/log-signals.ts";
import type { Observer } from "../base/observer.ts";
import type { Responder } from "../http/responder.ts";
import type { LiveHub } from "../live/hub.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { LogWriter } from "../writer/log-writer.ts";

export type StoppedParts = {
  readonly writer: Pick<LogWriter, "close">;
  readonly hub: Pick<LiveHub, "end">;
  readonly signals: Pick<LogSignals, "close">;
  readonly responder: Pick<Responder, "close">;
  /** The parts that follow logs. */
  readonly followers: {
    /** Closes the read models and the bases. */
    readonly closeKeepers: () => Promise<void>;
    /** Closes the subscribers and the process managers. */
    readonly close: () => Promise<void>;
  };
  readonly store: Pick<EventStore, "close">;
  readonly stopHints: (() => void) | undefined;
  readonly env: Env;
  readonly observer: Observer;
};

/** Milliseconds that the pushes before the stop have. */
const WRITER_MS_MAX = 3_000;
/** Milliseconds that the steps of models and bases have. A step that is cut off is done again after the next start. */
const KEEPERS_MS_MAX = 1_000;
/** Milliseconds that handlers of subscribers have. A handler that is cut off runs again after the next start. */
const SUBSCRIBERS_MS_MAX = 2_000;
/** Milliseconds that the store has to close. */
const STORE_MS_MAX = 1_000;

export async function stopServer(parts: StoppedParts): Promise<void> {
  const { writer, hub, signals, responder, followers, store, stopHints, env, observer } = parts;
  const startedAt = env.now();
  // The followers close first, because handlers may need their whole time.
  const handled = followers.close();
  const isSettled = await settlesWithin(env, writer.close(), WRITER_MS_MAX);
  hub.end("restarting");
  signals.close();
  // The keepers end the waits of readers of rows, so that their requests get an answer before the responder closes.
  const stopped = followers.closeKeepers();
  await responder.close();
  stopHints?.();
  observer.close();
  await settlesWithin(env, stopped, KEEPERS_MS_MAX);
  await settlesWithin(env, handled, SUBSCRIBERS_MS_MAX);
  const isClosed = await settlesWithin(env, store.close(), STORE_MS_MAX);
  const ms = env.now() - startedAt;
  if (isSettled && isClosed) observer.write({ level: "info", event: "stopped", ms });
  else observer.write({ level: "warn", event: "stopped", code: "time-over", ms });
}
