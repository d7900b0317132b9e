/** The state of syncing: one word in the bar, and the details behind a click. */
import type { LogStatus } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { useEffect, useId, useRef } from "react";
import { useSpeech } from "./speech.tsx";
import { Time } from "./time.tsx";
import { useSecondsUntil } from "./use-seconds-until.ts";
import { explainSync, isFull, saySync } from "./say-sync.ts";
import { words } from "../words/language.ts";

/** A side waits for the cable, which the page around it has, and not for its next try. */
export function SyncBadge({ isSide = false }: { readonly isSide?: boolean }) {
  const log = useLog();
  const status = useStatus();
  const { announce } = useSpeech();
  const id = useId();
  const { mood, text } = saySync(status);
  const seconds = useSecondsUntil(status.retryAt);
  const shown = seconds === null || isSide ? text : text + words.sync.nextTry(seconds);
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
      <p className="sync-line">{explainSync(status)}</p>
      {error && !isFull(status) && (
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
