import { useLog } from "dacapo/react";
import { useState } from "react";
import { rememberOffline, wantsOffline } from "../session.ts";

/** Takes this tab off the network, as a trial. Work continues, and the tab sends it when the switch is back. */
export function OfflineSwitch() {
  const log = useLog();
  const [offline, setOffline] = useState(wantsOffline);
  const toggle = () => {
    const next = !offline;
    if (next) log.pause();
    else log.resume();
    rememberOffline(next);
    setOffline(next);
  };
  return (
    <button
      type="button"
      role="switch"
      aria-checked={offline}
      className="switch"
      onClick={toggle}
      title="Take this tab off the network"
    >
      <span className="track" />
      <span className="switch-label">Offline</span>
    </button>
  );
}
