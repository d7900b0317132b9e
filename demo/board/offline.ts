/**
 * The offline switch of a person on this device.
 *
 * It holds for all of the person's tabs. Otherwise a second tab would send what the person made "offline" in the first.
 */
import { keep, recall } from "./memory.ts";

const keyOf = (name: string) => `board.offline ${name}`;

export function wantsOffline(name: string): boolean {
  return recall(() => localStorage, keyOf(name)) !== null;
}

export function rememberOffline(name: string, offline: boolean): void {
  keep(() => localStorage, keyOf(name), offline ? "yes" : null);
}

/** Calls `changed` when the person turns the switch in another tab. Returns a function that ends this. */
export function watchOffline(name: string, changed: (offline: boolean) => void): () => void {
  const listener = ({ key, storageArea }: StorageEvent) => {
    // The key is null where another tab cleared all of the storage.
    if (storageArea === localStorage && (key === keyOf(name) || key === null)) changed(wantsOffline(name));
  };
  addEventListener("storage", listener);
  return () => removeEventListener("storage", listener);
}
