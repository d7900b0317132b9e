/** The sync state of this device: one word in the bar, and the details behind a click. */
import type { LogStatus } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { useEffect, useId, useRef } from "react";
import { useSpeech } from "./speech.tsx";
import { Time } from "./time.tsx";

export function SyncBadge() {
  const log = useLog();
  const status = useStatus();
  const { announce } = useSpeech();
  const id = useId();
  const { mood, text } = saySync(status);
  const first = useRef(true);
  useEffect(() => {
    // Speak only changes, because the first state and a step of catching up are no news.
    if (!first.current) announce(saySync({ ...log.status.get(), pending: 0 }).text);
    first.current = false;
  }, [announce, log, status.connection]);
  return (
    <div className="sync">
      <button type="button" className={`sync-badge ${mood}`} popoverTarget={id} aria-label={`Sync: ${text}`}>
        <span className="dot" />
        <span className="sync-text">{text}</span>
      </button>
      <div id={id} popover="auto" className="sync-details">
        <SyncDetails status={status} />
      </div>
    </div>
  );
}

function SyncDetails({ status }: { readonly status: LogStatus }) {
  const { connection, pending, doubtful, position, head, lastSyncedAt, parked, error } = status;
  return (
    <>
      <p className="sync-line">{explain(status)}</p>
      {error && (
        <div className="sync-error" role="alert">
          <p>{error.message}</p>
          <p>{error.fix}</p>
        </div>
      )}
      <dl>
        <dt>Events here</dt>
        <dd>
          {position}
          {head > position && ` of ${head}`}
        </dd>
        <dt>Waiting to be sent</dt>
        <dd>{pending}</dd>
        {doubtful.length > 0 && (
          <>
            <dt>Of these in doubt</dt>
            <dd>
              {doubtful.map(({ commit, message }) => (
                <span key={commit}>{message}</span>
              ))}
            </dd>
          </>
        )}
        {connection !== "local" && (
          <>
            <dt>In step with the server</dt>
            <dd>
              {connection === "live" ? "now" : lastSyncedAt === null ? "not since opened" : <Time at={lastSyncedAt} />}
            </dd>
          </>
        )}
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

type Said = { readonly mood: "good" | "busy" | "away" | "bad"; readonly text: string };

function saySync({ connection, pending, position, head }: LogStatus): Said {
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
      return "What you do is sent at once, and what others do arrives here.";
    case "following":
      return "Another tab of this browser talks to the server and shares what it hears.";
    case "catching-up":
      return "Events of others are arriving.";
    case "connecting":
      return "Looking for the server.";
    case "offline":
      return "The server cannot be reached. Go on working: everything is kept on this device and sent by itself later.";
    case "paused":
      return "You took this tab off the network. Everything is kept on this device; switch Offline off to send it.";
    case "stopped":
      return error
        ? "Nothing is sent until this is mended. Everything is kept on this device."
        : "Nothing is sent. Everything is kept on this device.";
    case "local":
      return "This board lives on this device alone.";
  }
}
