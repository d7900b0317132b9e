/**
 * The board's messages: short notices that disappear, and words for screen readers.
 *
 * A modal dialog silences everything behind it, so each dialog has its own `SpokenWords` with the same words.
 */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { leftOut } from "./left-out.ts";

export type Notice = { readonly text: string; readonly action?: { readonly label: string; readonly run: () => void } };

type SpeechValue = {
  /** Sends words only to screen readers. */
  readonly announce: (text: string) => void;
  /** Shows a notice for some seconds and announces it; null removes the last notice. */
  readonly notify: (notice: Notice | null) => void;
};

const SpeechContext = createContext<SpeechValue>({ announce: () => {}, notify: () => {} });
const WordsContext = createContext<readonly Words[]>([]);

/** A screen reader announces each addition, so a message stays a while beside the messages after it. */
type Words = { readonly n: number; readonly text: string };

const NOTICE_MS = 8_000;
const WORDS_MAX = 3;

export function Speech({ children }: { readonly children: ReactNode }) {
  const [words, setWords] = useState<readonly Words[]>([]);
  const [notice, setNotice] = useState<Notice | null>(null);
  const announce = useCallback(
    (text: string) => setWords((before) => [...before, { n: (before.at(-1)?.n ?? 0) + 1, text }].slice(-WORDS_MAX)),
    [],
  );
  const notify = useCallback(
    (next: Notice | null) => {
      setNotice(next);
      if (next) announce(next.text);
    },
    [announce],
  );
  useEffect(() => {
    const timer = notice && setTimeout(() => setNotice(null), NOTICE_MS);
    return () => void (timer && clearTimeout(timer));
  }, [notice]);
  useEffect(() => {
    const tell = (event: ClipboardEvent | DragEvent) => {
      const text = leftOut(event);
      if (text !== null) notify({ text });
    };
    for (const type of ["paste", "drop"] as const) document.addEventListener(type, tell);
    return () => {
      for (const type of ["paste", "drop"] as const) document.removeEventListener(type, tell);
    };
  }, [notify]);
  const value = useMemo(() => ({ announce, notify }), [announce, notify]);
  return (
    <SpeechContext value={value}>
      <WordsContext value={words}>
        {children}
        <SpokenWords />
        {notice && (
          <div className="notice" popover="manual" ref={showOnTop}>
            <p>{notice.text}</p>
            {notice.action && (
              <button
                type="button"
                className="button"
                onClick={() => {
                  notice.action?.run();
                  setNotice(null);
                }}
              >
                {notice.action.label}
              </button>
            )}
          </div>
        )}
      </WordsContext>
    </SpeechContext>
  );
}

export function SpokenWords() {
  return (
    <div className="hidden" role="status" aria-live="polite" aria-relevant="additions">
      {useContext(WordsContext).map(({ n, text }) => (
        <p key={n}>{text}</p>
      ))}
    </div>
  );
}

export function useSpeech(): SpeechValue {
  return useContext(SpeechContext);
}

/** Shows a notice above an open dialog too. */
function showOnTop(element: HTMLElement | null): void {
  element?.showPopover();
}
