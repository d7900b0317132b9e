import { useLog } from "dacapo/react";
import { useCallback, useEffect, useState } from "react";
import { rememberOffline, wantsOffline, watchOffline } from "../offline.ts";
import { words } from "../words/language.ts";

/** Disconnects the person's tabs on this device, as a test. Changes are sent when the person switches it off again. */
export function OfflineSwitch() {
  const log = useLog();
  const { user } = log;
  const [offline, setOffline] = useState(() => wantsOffline(user));
  const turn = useCallback(
    (next: boolean) => {
      if (next) log.pause();
      else log.resume();
      setOffline(next);
    },
    [log],
  );
  useEffect(() => watchOffline(user, turn), [user, turn]);
  const toggle = () => {
    rememberOffline(user, !offline);
    turn(!offline);
  };
  const covers = words.offline.covers(user);
  return (
    <span className="offline">
      {offline && (
        <small id="offline-covers" className="switch-covers">
          {words.offline.tabs(user)}
        </small>
      )}
      <button
        type="button"
        role="switch"
        aria-checked={offline}
        aria-describedby={offline ? "offline-covers" : undefined}
        className="switch"
        onClick={toggle}
        title={covers}
      >
        <span className="track" />
        <span className="switch-label">{words.offline.label}</span>
      </button>
    </span>
  );
}
