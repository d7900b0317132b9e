/** The state of syncing: one word in the bar, and the details behind a click. */
import type { LogStatus } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { useEffect, useId, useRef } from "react";
import { useSpeech } from "./speech.tsx";
import { Time } from "./time.tsx";
import { useSecondsUntil } from "./use-seconds-until.ts";

export function SyncBadge() {
  const log = useLog();
  const status = useStatus();
  const { announce } = useSpeech();
  const id = useId();
  const { mood, text } = saySync(status);
  const seconds = useSecondsUntil(status.retryAt);
  const first = useRef(true);
  useEffect(() => {
    // Announce changes only: the first state is no news, and neither are the steps of catching up.
    if (!first.current) announce(saySync({ ...log.status.get(), pending: 0 }).text);
    first.current = false;
  }, [announce, log, status.connection]);
  return (
    <div className="sync">
      <button type="button" className={`sync-badge ${mood}`} popoverTarget={id} aria-label={`Sync: ${text}`}>
        <span className="dot" />
        <span className="sync-text">
          {text}
          {seconds !== null && ` · next try in ${seconds} s`}
        </span>
      </button>
      {status.connection === "offline" && (
        <button type="button" className="button quiet" onClick={() => log.resume()}>
          Try now
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
        <dt>Events here</dt>
        <dd>
          {position}
          {head > position && ` of ${head}`}
        </dd>
        <dt>Waiting to be sent</dt>
        <dd>
          {pending}
          {waitingSince !== null && (
            <>
              , the first made <Time at={waitingSince} />
            </>
          )}
        </dd>
        {rejections > 0 && (
          <>
            <dt>Refused, and you can choose</dt>
            <dd>{rejections}</dd>
          </>
        )}
        {doubtful.length > 0 && (
          <>
            <dt>Likely to be refused</dt>
            <dd>
              {doubtful.map(({ commit, message }) => (
                <span key={commit}>{message}</span>
              ))}
            </dd>
          </>
        )}
        {connection !== "local" && (
          <>
            <dt>Last synced</dt>
            <dd>
              {connection === "live" ? (
                "now"
              ) : lastSyncedAt === null ? (
                "not since this page opened"
              ) : (
                <Time at={lastSyncedAt} />
              )}
            </dd>
          </>
        )}
        <BytesAndStorage status={status} />
        {parked.count > 0 && (
          <>
            <dt>Events this version cannot read</dt>
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
          <dt>Received and sent</dt>
          <dd>
            {kib(traffic.received)} and {kib(traffic.sent)}
          </dd>
        </>
      )}
      {storage && (
        <>
          <dt>This browser’s copy</dt>
          <dd>{storage.persisted ? "kept until you delete it" : "may be deleted if you do not use the board"}</dd>
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
  const sending: Said = status.stuck
    ? { mood: "bad", text: `${status.pending} waiting, 1 does not get through` }
    : sayConnection(status);
  const said: Said =
    status.rejections > 0 ? { mood: "bad", text: `${sending.text} · ${status.rejections} refused` } : sending;
  const isKept = status.reduced.every(({ feature }) => feature !== "storage");
  return isKept ? said : { mood: "bad", text: `${said.text} · not saved on this device` };
}

function sayConnection({ connection, pending, position, head }: LogStatus): Said {
  const waiting = pending > 0 ? ` · ${pending} waiting` : "";
  switch (connection) {
    case "live":
      return pending > 0 ? { mood: "busy", text: `Sending ${pending}` } : { mood: "good", text: "Live" };
    case "following":
      return { mood: "good", text: pending > 0 ? `Another tab sends ${pending}` : "Another tab syncs" };
    case "catching-up":
      return { mood: "busy", text: head > position ? `Catching up, ${head - position} to go` : "Catching up" };
    case "connecting":
      return { mood: "busy", text: `Connecting${waiting}` };
    case "offline":
      return { mood: "away", text: `No connection${waiting}` };
    case "paused":
      return { mood: "away", text: `Offline${waiting}` };
    case "stopped":
      return { mood: "bad", text: `Stopped${waiting}` };
    case "local":
      return { mood: "good", text: "On this device" };
  }
}

function explain({ connection, error }: LogStatus): string {
  switch (connection) {
    case "live":
      return "Your changes are sent at once, and other people's changes arrive here.";
    case "following":
      return "Another tab of this browser syncs with the server and shares the changes.";
    case "catching-up":
      return "Changes of other people are arriving.";
    case "connecting":
      return "Connecting to the server.";
    case "offline":
      return "The server cannot be reached. Continue working: your changes are saved on this device and sent later.";
    case "paused":
      return "You disconnected your tabs on this device. Your changes are saved on this device. Switch Offline off to send them.";
    case "stopped":
      return error
        ? "Nothing is sent until this problem is fixed. Your changes are saved on this device."
        : "Nothing is sent. Your changes are saved on this device.";
    case "local":
      return "This board is only on this device.";
  }
}
