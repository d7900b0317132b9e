import { useLog } from "dacapo/react";
import { useState } from "react";
import { rememberOffline, wantsOffline } from "../session.ts";

/** Disconnects this tab from the network, as a test. Changes are sent when the person switches it off again. */
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
      title="Disconnect this tab from the network"
    >
      <span className="track" />
      <span className="switch-label">Offline</span>
    </button>
  );
}
