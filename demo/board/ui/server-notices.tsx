/** Small notices about the server: a newer release than this page, a restore, a change that does not get through. */
import type { SentAgain, StuckCommit } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";
import { sayProblem } from "./say-problem.ts";
import { useSpeech } from "./speech.tsx";
import { useNames } from "./use-names.ts";

export function ServerNotices() {
  const log = useLog();
  const { outdated, sentAgain, stuck } = useStatus();
  return (
    <div role="status">
      {outdated && (
        <div className="server-notice">
          <p>There is a newer version of this page. Your changes are kept.</p>
          <button type="button" className="button" onClick={() => location.reload()}>
            Load the newest page
          </button>
        </div>
      )}
      {sentAgain !== null && sentAgain.commits > 0 && (
        <div className="server-notice">
          <p>{saySentAgain(sentAgain)}</p>
          <button type="button" className="button" onClick={() => log.acknowledge()}>
            OK
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
  const withdraw = () => log.withdraw({ commit }).catch((error: unknown) => notify({ text: `${sayProblem(error)}.` }));
  return (
    <div className="server-notice">
      <p>
        {`A change of yours${name === null ? "" : ` to “${name}”`} does not get through to the server`}
        {status === null ? ". " : `: the answer has status ${status}. `}
        This page keeps it and sends it again.
      </p>
      <button type="button" className="button" onClick={() => void withdraw()}>
        Take it back
      </button>
    </div>
  );
}

function saySentAgain({ commits, accepted, rebased, rejected }: SentAgain): string {
  const saved = accepted + rebased;
  const parts = [`${saved} saved`];
  if (rejected > 0) parts.push(`${rejected} refused`);
  if (commits > saved + rejected) parts.push(`${commits - saved - rejected} waiting`);
  const changes = commits === 1 ? "1 change of yours" : `${commits} changes of yours`;
  return `The server had lost ${changes}. This page sent them again: ${parts.join(", ")}.`;
}
