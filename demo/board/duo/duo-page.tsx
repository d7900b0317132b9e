/** `/duo`: Ada's board and Bob's board side by side, with a cable between them. */
import { useSyncExternalStore } from "react";
import { EventLog } from "../event-log/event-log.tsx";
import { useSpeech } from "../ui/speech.tsx";
import { Wordmark } from "../ui/wordmark.tsx";
import { Cable } from "./cable.tsx";
import { type Side, SIDES } from "./duo.ts";
import type { DuoRun, DuoView } from "./duo-run.ts";
import { Steps } from "./steps.tsx";

export function DuoPage({ duo }: { readonly duo: DuoRun }) {
  const view = useSyncExternalStore(duo.subscribe, duo.view);
  const { announce } = useSpeech();
  const turn = () => {
    const isIn = view.cable === "in";
    duo.turnCable(isIn ? "out" : "in");
    announce(isIn ? "The cable is pulled. Both boards continue to work." : "The cable is plugged in.");
  };
  return (
    <div className="duo">
      <header className="duo-head">
        <a className="home" href="/duo" aria-label="Dacapo: start again">
          <Wordmark />
        </a>
        <h1>
          Dacapo is a TypeScript library for apps that work without a network. <span>This page is its demo.</span>
        </h1>
        <nav>
          <a href="/code">Its code</a>
          <a href="/">A board of your own</a>
        </nav>
      </header>
      <Steps {...view} />
      <main className="duo-boards">
        <Frame side="Ada" duo={duo} view={view} />
        <Cable cable={view.cable} onTurn={turn} />
        <Frame side="Bob" duo={duo} view={view} />
      </main>
      <EventLog title="The log" entries={view.entries} note={waiting(view)} />
    </div>
  );
}

function waiting({ reports }: DuoView): string | null {
  const waits = SIDES.flatMap((side) => {
    const pending = reports.get(side)?.pending ?? 0;
    return pending === 0 ? [] : [`${side} has ${pending === 1 ? "1 change" : `${pending} changes`}`];
  });
  return waits.length === 0 ? null : `${waits.join(" and ")} that the server does not have yet`;
}

function Frame({ side, duo, view }: { readonly side: Side; readonly duo: DuoRun; readonly view: DuoView }) {
  // The board waits for the server, because it would open empty before.
  if (!view.isReady) return <div className="duo-frame" aria-hidden />;
  const address = `/?${new URLSearchParams({ duo: duo.name, as: side })}`;
  return <iframe className="duo-frame" title={`${side}’s board`} src={address} ref={duo.frames.get(side)} />;
}
