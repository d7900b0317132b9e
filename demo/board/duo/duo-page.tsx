/** `/duo`: Ada's board and Bob's board side by side, with a cable between them. */
import { useSyncExternalStore } from "react";
import { EventLog } from "../event-log/event-log.tsx";
import { LanguageSwitch } from "../ui/language-switch.tsx";
import { useSpeech } from "../ui/speech.tsx";
import { Wordmark } from "../ui/wordmark.tsx";
import { Cable } from "./cable.tsx";
import { type Side, SIDES } from "./duo.ts";
import { type DuoRun, type DuoView, entriesOf } from "./duo-run.ts";
import { Steps } from "./steps.tsx";
import { language, words } from "../words/language.ts";

export function DuoPage({ duo }: { readonly duo: DuoRun }) {
  const view = useSyncExternalStore(duo.subscribe, duo.view);
  const { announce } = useSpeech();
  const turn = () => {
    const isIn = view.cable === "in";
    duo.turnCable(isIn ? "out" : "in");
    announce(isIn ? words.duo.pulled : words.duo.plugged);
  };
  return (
    <div className="duo">
      <header className="duo-head">
        <a className="home" href="/" aria-label={words.duo.home}>
          <Wordmark />
        </a>
        <h1>
          {words.duo.about}
          <span>{words.duo.demo}</span>
        </h1>
        <nav>
          <a href="/duo" onClick={duo.leave}>
            {words.duo.startAgain}
          </a>
          <a href="/code">{words.duo.code}</a>
          <a href="/">{words.duo.ownBoard}</a>
          <LanguageSwitch />
        </nav>
      </header>
      <Steps {...view} />
      <main className="duo-boards">
        <Frame side="Ada" duo={duo} view={view} />
        <Cable cable={view.cable} onTurn={turn} />
        <Frame side="Bob" duo={duo} view={view} />
      </main>
      <EventLog entries={entriesOf(view)} note={waiting(view)} />
    </div>
  );
}

function waiting({ reports }: DuoView): string | null {
  const waits = SIDES.flatMap((side) => {
    const pending = reports.get(side)?.pending ?? 0;
    return pending === 0 ? [] : [words.duo.waits(side, pending)];
  });
  return waits.length === 0 ? null : words.duo.waiting(waits);
}

function Frame({ side, duo, view }: { readonly side: Side; readonly duo: DuoRun; readonly view: DuoView }) {
  // The board waits for the server, because it would open empty before.
  if (!view.isReady) return <div className="duo-frame" aria-hidden />;
  const address = `/?${new URLSearchParams({ duo: duo.name, as: side, lang: language })}`;
  return <iframe className="duo-frame" title={words.duo.boardOf(side)} src={address} ref={duo.frames.get(side)} />;
}
