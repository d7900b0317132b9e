// The page: the board, or the start page if the address has no name or no board.
import { type LogHandle, openLog } from "dacapo/client";
import { LogProvider } from "dacapo/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import type { BoardPresence } from "./presence.ts";
import { wantsOffline } from "./offline.ts";
import { remember, type Session, sessionOf } from "./session.ts";
import { Board } from "./ui/board.tsx";
import { Opening, OpeningFailed } from "./ui/opening.tsx";
import { Speech } from "./ui/speech.tsx";
import { StartPage } from "./ui/start-page.tsx";

const element = document.querySelector("#root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);
const session = sessionOf(location.search);

if (session) await showBoard(session);
else {
  root.render(
    <Speech>
      <StartPage />
    </Speech>,
  );
}

async function showBoard(session: Session): Promise<void> {
  remember(session);
  document.title = `${session.log} · Dacapo`;
  root.render(<Opening log={session.log} />);
  try {
    const log = await open(session);
    root.render(
      <StrictMode>
        <LogProvider log={log}>
          <Speech>
            <Board />
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
