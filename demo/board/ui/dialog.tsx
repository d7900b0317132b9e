/**
 * A modal dialog on the browser's own `<dialog>`: it keeps the focus inside, closes on Escape and returns the focus.
 */
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { SpokenWords } from "./speech.tsx";

type DialogProps = {
  readonly label: string;
  readonly className: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
};

export function Dialog({ label, className, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={className}
      aria-label={label}
      onClose={(event) => {
        // Check that the dialog is still closed, because a development build closes and opens it again.
        if (!event.currentTarget.open) onClose();
      }}
      onClick={(event) => {
        // A click reaches the dialog element itself only on its backdrop.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div className="dialog-inside">{children}</div>
      <SpokenWords />
    </dialog>
  );
}
