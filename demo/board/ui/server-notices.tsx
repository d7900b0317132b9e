/** Small notices about the server: it has a newer release than this page, or it was restored from a backup. */
import type { SentAgain } from "dacapo/client";
import { useLog, useStatus } from "dacapo/react";

export function ServerNotices() {
  const log = useLog();
  const { outdated, sentAgain } = useStatus();
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
