import type { ClientError } from "@hive-registry/client";
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";
import { Button } from "./parts.tsx";

/** Nothing is there, and what to do about it. */
export function Empty(props: {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <Icon name={props.icon ?? "fleet"} size={36} />
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

/** Something did not work: what, and what to do. */
export function ErrorBox(props: {
  readonly title: string;
  readonly error?: ClientError | undefined;
  readonly onRetry?: () => void;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="notice bad" role="alert">
      <Icon name="error" />
      <div>
        <strong>{props.title}</strong>
        {props.error !== undefined && <p class="small">{props.error.message}</p>}
        {props.children}
      </div>
      {props.onRetry !== undefined && (
        <Button icon="refresh" isCompact onClick={props.onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Something that people should know, without alarm. */
export function Notice(props: {
  readonly tone?: "warn" | "bad";
  readonly icon?: IconName;
  readonly action?: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${props.tone ?? ""}`}>
      <Icon name={props.icon ?? (props.tone === undefined ? "info" : "warning")} />
      <div>{props.children}</div>
      {props.action}
    </div>
  );
}

export function Spinner({ children = "Loading …" }: { readonly children?: ComponentChildren }): JSX.Element {
  return (
    <p class="spinner" role="status">
      {children}
    </p>
  );
}

/** The place of something that is on its way. `height` in rem. */
export function Skeleton({
  height = 6,
  label = "Loading …",
}: {
  readonly height?: number;
  readonly label?: string;
}): JSX.Element {
  return (
    <div class="skeleton" role="status" style={{ height: `${height}rem` }}>
      <span class="unseen">{label}</span>
    </div>
  );
}
