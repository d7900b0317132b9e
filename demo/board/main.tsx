// The page: the board, a side of a duo, the duo itself, its code, or the start page if the address names no board.
import { type LogHandle, openLog } from "dacapo/client";
import { LogProvider } from "dacapo/react";
import { type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BOARD_STREAMS } from "./domain/read-models.ts";
import { DUO_SYNC, sideOf } from "./duo/duo.ts";
import { report } from "./duo/report.ts";
import type { BoardPresence } from "./presence.ts";
import { wantsOffline } from "./offline.ts";
import { remember, type Session, sessionOf } from "./session.ts";
import { Board } from "./ui/board.tsx";
import { Opening, OpeningFailed } from "./ui/opening.tsx";
import { Speech } from "./ui/speech.tsx";
import { StartPage } from "./ui/start-page.tsx";
import { words } from "./words/language.ts";

const element = document.querySelector("#root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);
document.documentElement.lang = words.time.locale;
const session = sessionOf(location.search);
const side = sideOf(location.search);

if (side) await showBoard(side.duo, () => openSide(side.duo, side.name));
else if (session) {
  remember(session);
  document.title = `${session.log} · Dacapo`;
  await showBoard(session.log, () => open(session));
} else if (location.pathname === "/duo") {
  // Loaded on demand, because a board needs no server in the page.
  const [{ DuoPage }, { startDuo }] = await Promise.all([import("./duo/duo-page.tsx"), import("./duo/start-duo.ts")]);
  document.title = words.duo.documentTitle;
  show(<DuoPage duo={await startDuo()} />);
} else if (location.pathname === "/code") {
  const { CodePage } = await import("./duo/code-page.tsx");
  document.title = words.duo.codeTitle;
  show(<CodePage />);
} else show(<StartPage />);

function show(page: ReactNode): void {
  root.render(<Speech>{page}</Speech>);
}

async function showBoard(name: string, openLog: () => Promise<LogHandle<BoardPresence>>): Promise<void> {
  root.render(<Opening log={name} />);
  try {
    const log = await openLog();
    root.render(
      <StrictMode>
        <LogProvider log={log}>
          <Speech>
            <Board isSide={side !== null} />
          </Speech>
        </LogProvider>
      </StrictMode>,
    );
  } catch (error) {
    root.render(<OpeningFailed error={error} />);
  }
}

function open({ log: name, name: user }: Session): Promise<LogHandle<BoardPresence>> {
  return openLog<BoardPresence>(name, {
    worker: () => new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" }),
    user,
    // From the first moment, because the work of an earlier visit must not leave the device either.
    paused: wantsOffline(user),
    // DEMO ONLY: the server trusts the name. An app returns its session's token here.
    sync: { url: "/sync", token: () => `demo:${encodeURIComponent(user)}` },
  });
}

/** Opens a board whose server is in the page around this one. */
async function openSide(duo: string, user: string): Promise<LogHandle<BoardPresence>> {
  const log = await openLog<BoardPresence>(duo, {
    worker: () => new Worker(new URL("./duo/log.worker.ts", import.meta.url), { type: "module", name: duo }),
    user,
    sync: { url: DUO_SYNC, token: () => `demo:${encodeURIComponent(user)}` },
  });
  // The rows are read first, because the feed reports their changes.
  await Promise.all(BOARD_STREAMS.map(({ projection }) => log.rows(projection).ready));
  report(log, duo, window.parent);
  return log;
}
