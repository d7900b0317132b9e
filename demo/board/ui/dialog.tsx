/**
 * A modal dialog on the browser's own `<dialog>`: it keeps the focus inside, closes on Escape and gives the focus back.
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
        // A development build mounts twice: closed and open again, and only then told.
        if (!event.currentTarget.open) onClose();
      }}
      onClick={(event) => {
        // The dialog itself is hit only where its backdrop is.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div className="dialog-inside">{children}</div>
      <SpokenWords />
    </dialog>
  );
}
