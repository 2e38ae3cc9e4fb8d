import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";

/** A surface with a heading. `actions` stand beside the heading. */
export function Card(props: {
  readonly title?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly label?: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <section class={`card ${props.class ?? ""}`} aria-label={props.label}>
      {(props.title !== undefined || props.actions !== undefined) && (
        <header>
          {props.title !== undefined && <h2>{props.title}</h2>}
          {props.actions}
        </header>
      )}
      {props.children}
    </section>
  );
}

export type ButtonKind = "plain" | "primary" | "danger" | "quiet";

interface ButtonProps {
  readonly kind?: ButtonKind;
  readonly icon?: IconName;
  readonly isCompact?: boolean;
  readonly isDisabled?: boolean;
  readonly type?: "button" | "submit";
  /** Needed where there are no words inside. */
  readonly label?: string;
  readonly title?: string;
  readonly onClick?: (event: MouseEvent) => void;
  readonly children?: ComponentChildren;
}

export function Button(props: ButtonProps): JSX.Element {
  return (
    <button
      type={props.type ?? "button"}
      class={buttonClass(props)}
      disabled={props.isDisabled}
      aria-label={props.label}
      title={props.title ?? props.label}
      onClick={props.onClick}
    >
      {props.icon !== undefined && <Icon name={props.icon} size={props.isCompact === true ? 16 : 18} />}
      {props.children}
    </button>
  );
}

/** Goes somewhere, and looks like a button. */
export function ButtonLink(props: Omit<ButtonProps, "onClick" | "type"> & { readonly href: string }): JSX.Element {
  return (
    <a class={buttonClass(props)} href={props.href} aria-label={props.label} title={props.title}>
      {props.icon !== undefined && <Icon name={props.icon} size={props.isCompact === true ? 16 : 18} />}
      {props.children}
    </a>
  );
}

function buttonClass({ kind = "plain", isCompact, children, icon }: ButtonProps): string {
  const words = ["button"];
  if (kind !== "plain") words.push(kind);
  if (isCompact === true) words.push("compact");
  if (icon !== undefined && children === undefined) words.push("icon-only");
  return words.join(" ");
}

/** How much of something is taken. Decoration, unless `text` says it to who cannot see: leave that out where words stand beside it. */
export function Bar(props: {
  readonly value: number;
  /** Undefined: nobody knows how much there is; the bar stays empty. */
  readonly max: number | undefined;
  readonly text?: string;
}): JSX.Element {
  const share = props.max === undefined || props.max <= 0 ? 0 : Math.min(1, Math.max(0, props.value / props.max));
  return (
    <>
      <div class={share > 0.95 ? "bar full" : "bar"} aria-hidden="true">
        <span style={{ transform: `scaleX(${share.toFixed(3)})` }} />
      </div>
      {props.text !== undefined && <span class="unseen">{props.text}</span>}
    </>
  );
}

/** From 0, cool, to 4, hot: fifths of 100 %. */
export function heatOf(percent: number | undefined): string {
  return percent === undefined ? "unknown" : String(Math.min(4, Math.max(0, Math.floor(percent / 20))));
}

/** A square for each device. Decoration, unless `text` says it to who cannot see: leave that out where words stand beside it. */
export function Heat(props: {
  readonly percents: readonly (number | undefined)[];
  readonly text?: string;
}): JSX.Element {
  return (
    <>
      <span class="heat" aria-hidden="true">
        {props.percents.map((percent, at) => (
          <i key={at} data-heat={heatOf(percent)} />
        ))}
      </span>
      {props.text !== undefined && <span class="unseen">{props.text}</span>}
    </>
  );
}

export type Tone = "good" | "warn" | "bad" | "busy" | "muted";

/** Each tone has a shape of its own, so that nobody needs to tell colours apart. */
function ToneShape({ tone }: { readonly tone: Tone }): JSX.Element {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true" focusable="false">
      {tone === "good" && <circle cx="5" cy="5" r="4.5" fill="currentColor" />}
      {tone === "warn" && <path d="M5 .5 9.8 9.5H.2z" fill="currentColor" />}
      {tone === "bad" && <path d="M1 1l8 8M9 1 1 9" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" />}
      {tone === "busy" && (
        <>
          <circle cx="5" cy="5" r="4" fill="none" stroke="currentColor" stroke-width="1.4" />
          <path d="M5 1a4 4 0 0 1 0 8z" fill="currentColor" />
        </>
      )}
      {tone === "muted" && <circle cx="5" cy="5" r="3.8" fill="none" stroke="currentColor" stroke-width="1.6" />}
    </svg>
  );
}

/** A state: shape, colour and word. */
export function StatusDot({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`status tone-${tone}`}>
      <ToneShape tone={tone} />
      {children}
    </span>
  );
}

export function Badge(props: {
  readonly tone?: Exclude<Tone, "muted">;
  readonly icon?: IconName;
  readonly title?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`badge ${props.tone ?? ""}`} title={props.title}>
      {props.icon !== undefined && <Icon name={props.icon} size={13} />}
      <span class="cut">{props.children}</span>
    </span>
  );
}

/** What is known of one thing: names and values. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
