import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./parts.tsx";

/** Stands in front of the page until it is closed; Escape closes it. The browser keeps the focus inside. */
export function Dialog(props: {
  readonly title: string;
  /** Without it the dialog cannot be left. */
  readonly onClose?: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      // The browser gives the focus back only while the dialog still stands in the page.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      class="dialog"
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose?.();
      }}
    >
      <div class="stack">
        <div class="row spread">
          <h2 id={titleId}>{props.title}</h2>
          {props.onClose !== undefined && <Button kind="quiet" icon="close" label="Close" onClick={props.onClose} />}
        </div>
        {props.children}
      </div>
    </dialog>
  );
}
