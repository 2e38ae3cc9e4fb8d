import type { ComponentChildren, JSX } from "preact";
import { useId, useRef } from "preact/hooks";

export interface Tab<Name extends string> {
  readonly name: Name;
  readonly title: ComponentChildren;
}

/** Arrow keys move among the tabs; the one that is reached is shown. */
export function Tabs<Name extends string>(props: {
  readonly label: string;
  readonly tabs: readonly Tab<Name>[];
  readonly current: Name;
  readonly onChange: (name: Name) => void;
  /** What the current tab shows. */
  readonly children: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const to = nextTab(
      props.tabs.findIndex(({ name }) => name === props.current),
      props.tabs.length,
      event.key,
    );
    const next = to === undefined ? undefined : props.tabs[to];
    if (next === undefined || to === undefined) return;
    event.preventDefault();
    props.onChange(next.name);
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[to]?.focus();
  };
  return (
    <div class="stack">
      <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
        {props.tabs.map(({ name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={name === props.current}
            aria-controls={`${id}-panel`}
            tabIndex={name === props.current ? 0 : -1}
            onClick={() => props.onChange(name)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="stack" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${props.current}`} tabIndex={-1}>
        {props.children}
      </div>
    </div>
  );
}

function nextTab(at: number, count: number, key: string): number | undefined {
  if (key === "ArrowRight") return (at + 1) % count;
  if (key === "ArrowLeft") return (at - 1 + count) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return undefined;
}
