/** Small notices about the server: a newer release than this page, a restore, a change that does not get through. */
import type { SentAgain, StuckCommit } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";
import { useNames } from "./use-names.ts";
import { words } from "../words/language.ts";

export function ServerNotices() {
  const log = useLog();
  const { outdated, sentAgain, stuck } = useStatus();
  return (
    <div role="status">
      {outdated && (
        <div className="server-notice">
          <p>{words.notices.newer}</p>
          <button type="button" className="button" onClick={() => location.reload()}>
            {words.notices.load}
          </button>
        </div>
      )}
      {sentAgain !== null && sentAgain.commits > 0 && (
        <div className="server-notice">
          <p>{saySentAgain(sentAgain)}</p>
          <button type="button" className="button" onClick={() => log.acknowledge()}>
            {words.notices.ok}
          </button>
        </div>
      )}
      {stuck !== null && <StuckNotice key={stuck.commit} stuck={stuck} />}
    </div>
  );
}

function StuckNotice({ stuck: { commit, stream, status } }: { readonly stuck: StuckCommit }) {
  const log = useLog();
  const { notify } = useSpeech();
  const name = useNames()(stream);
  const withdraw = () =>
    log.withdraw({ commit }).catch((error: unknown) => notify({ text: words.notices.problem(sayProblem(error)) }));
  return (
    <div className="server-notice">
      <p>{words.notices.stuck(name, status)}</p>
      <button type="button" className="button" onClick={() => void withdraw()}>
        {words.notices.takeBack}
      </button>
    </div>
  );
}

function saySentAgain({ commits, accepted, rebased, rejected }: SentAgain): string {
  return words.notices.sentAgain(commits, accepted + rebased, rejected);
}
