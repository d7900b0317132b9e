/** The state of syncing: one word in the bar, and the details behind a click. */
import type { LogStatus } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { useEffect, useId, useRef } from "react";
import { useSpeech } from "./speech.tsx";
import { Time } from "./time.tsx";
import { useSecondsUntil } from "./use-seconds-until.ts";
import { words } from "../words/language.ts";

export function SyncBadge() {
  const log = useLog();
  const status = useStatus();
  const { announce } = useSpeech();
  const id = useId();
  const { mood, text } = saySync(status);
  const seconds = useSecondsUntil(status.retryAt);
  const shown = seconds === null ? text : text + words.sync.nextTry(seconds);
  const first = useRef(true);
  useEffect(() => {
    // Announce changes only: the first state is no news, and neither are the steps of catching up.
    if (!first.current) announce(saySync({ ...log.status.get(), pending: 0 }).text);
    first.current = false;
  }, [announce, log, status.connection]);
  return (
    <div className="sync">
      <button type="button" className={`sync-badge ${mood}`} popoverTarget={id} aria-label={words.sync.label(shown)}>
        <span className="dot" />
        <span className="sync-text">{shown}</span>
      </button>
      {status.connection === "offline" && (
        <button type="button" className="button quiet" onClick={() => log.resume()}>
          {words.sync.tryNow}
        </button>
      )}
      <div id={id} popover="auto" className="sync-details">
        <SyncDetails status={status} />
      </div>
    </div>
  );
}

function SyncDetails({ status }: { readonly status: LogStatus }) {
  const {
    connection,
    pending,
    waitingSince,
    doubtful,
    rejections,
    position,
    head,
    lastSyncedAt,
    parked,
    reduced,
    error,
  } = status;
  return (
    <>
      <p className="sync-line">{explain(status)}</p>
      {error && (
        <div className="sync-error" role="alert">
          <p>{error.message}</p>
          <p>{error.fix}</p>
        </div>
      )}
      {reduced.map(({ feature, message, fix }) => (
        <p key={feature} className="sync-line">
          {message}. {fix}
        </p>
      ))}
      <dl>
        <dt>{words.sync.events}</dt>
        <dd>
          {position}
          {head > position && words.sync.of(head)}
        </dd>
        <dt>{words.sync.unsent}</dt>
        <dd>
          {pending}
          {waitingSince !== null && (
            <>
              {words.sync.firstMade}
              <Time at={waitingSince} />
            </>
          )}
        </dd>
        {rejections > 0 && (
          <>
            <dt>{words.sync.refused}</dt>
            <dd>{rejections}</dd>
          </>
        )}
        {doubtful.length > 0 && (
          <>
            <dt>{words.sync.doubtful}</dt>
            <dd>
              {doubtful.map(({ commit, code, message }) => (
                <span key={commit}>{words.reason(code, message)}</span>
              ))}
            </dd>
          </>
        )}
        {connection !== "local" && (
          <>
            <dt>{words.sync.last}</dt>
            <dd>
              {connection === "live" ? (
                words.sync.now
              ) : lastSyncedAt === null ? (
                words.sync.never
              ) : (
                <Time at={lastSyncedAt} />
              )}
            </dd>
          </>
        )}
        <BytesAndStorage status={status} />
        {parked.count > 0 && (
          <>
            <dt>{words.sync.unreadable}</dt>
            <dd>{parked.count}</dd>
          </>
        )}
      </dl>
    </>
  );
}

function BytesAndStorage({ status: { traffic, storage } }: { readonly status: LogStatus }) {
  return (
    <>
      {traffic.received + traffic.sent > 0 && (
        <>
          <dt>{words.sync.bytes}</dt>
          <dd>{words.sync.bytesOf(kib(traffic.received), kib(traffic.sent))}</dd>
        </>
      )}
      {storage && (
        <>
          <dt>{words.sync.copy}</dt>
          <dd>{storage.persisted ? words.sync.persisted : words.sync.notPersisted}</dd>
        </>
      )}
    </>
  );
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}

type Said = { readonly mood: "good" | "busy" | "away" | "bad"; readonly text: string };

function saySync(status: LogStatus): Said {
  const sending: Said = status.stuck ? { mood: "bad", text: words.sync.stuck(status.pending) } : sayConnection(status);
  const said: Said =
    status.rejections > 0 ? { mood: "bad", text: words.sync.refusedOf(sending.text, status.rejections) } : sending;
  const isKept = status.reduced.every(({ feature }) => feature !== "storage");
  return isKept ? said : { mood: "bad", text: words.sync.notSaved(said.text) };
}

function sayConnection({ connection, pending, position, head }: LogStatus): Said {
  const waiting = words.sync.waiting(pending);
  switch (connection) {
    case "live":
      return pending > 0
        ? { mood: "busy", text: words.sync.sending(pending) }
        : { mood: "good", text: words.sync.live };
    case "following":
      return { mood: "good", text: words.sync.following(pending) };
    case "catching-up":
      return { mood: "busy", text: words.sync.catchingUp(head - position) };
    case "connecting":
      return { mood: "busy", text: words.sync.connecting + waiting };
    case "offline":
      return { mood: "away", text: words.sync.offline + waiting };
    case "paused":
      return { mood: "away", text: words.sync.paused + waiting };
    case "stopped":
      return { mood: "bad", text: words.sync.stopped + waiting };
    case "local":
      return { mood: "good", text: words.sync.local };
  }
}

function explain({ connection, error }: LogStatus): string {
  return connection === "stopped" && error ? words.explain.failed : words.explain[connection];
}
