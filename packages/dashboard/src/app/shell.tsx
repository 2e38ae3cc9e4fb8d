import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { bytesOfText, countText } from "../fleet-data/units.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { BrandMark } from "./brand.tsx";
import { ConnectionState, StaleBanner } from "./connection-state.tsx";
import { route, useFleet } from "./context.ts";
import { href, type Page } from "./router.ts";
import { ThemeSwitch } from "./theme-switch.tsx";
import { TokenPrompt } from "./token-prompt.tsx";
import "./shell.css";

const PLACES: readonly {
  readonly name: string;
  readonly icon: IconName;
  readonly href: string;
  readonly pages: readonly Page["page"][];
}[] = [
  { name: "Fleet", icon: "fleet", href: href.fleet(), pages: ["fleet", "hive", "worker"] },
  { name: "Models", icon: "model", href: href.models(), pages: ["models", "model"] },
  { name: "Playground", icon: "chat", href: href.playground(), pages: ["playground"] },
  { name: "Machines", icon: "machine", href: href.machines(), pages: ["machines", "machine-add", "operation"] },
  { name: "Events", icon: "events", href: href.events(), pages: ["events"] },
];

/** What stands around every page. */
export function Shell({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const main = useRef<HTMLElement>(null);
  const { page } = route.value;
  const here = JSON.stringify({ ...route.value, query: undefined });
  const first = useRef(true);
  useEffect(() => {
    // Who uses a keyboard or a screen reader begins at the new page, not where the link was.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [here]);
  return (
    <div class="shell">
      <button type="button" class="button skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header class="masthead">
        <div>
          <a class="brand" href={href.fleet()} aria-label="hive: the fleet">
            <BrandMark />
            hive
          </a>
          <nav class="nav" aria-label="Pages">
            {PLACES.map(({ name, icon, href: to, pages }) => (
              <a key={name} href={to} aria-current={pages.includes(page) ? "page" : undefined}>
                <Icon name={icon} size={20} />
                {name}
              </a>
            ))}
          </nav>
          <VitalSigns />
          <ThemeSwitch />
        </div>
      </header>
      <StaleBanner />
      <main class="main stack" ref={main} tabIndex={-1} id="main">
        {children}
      </main>
      <TokenPrompt />
    </div>
  );
}

/** The fleet in a line. */
function VitalSigns(): JSX.Element {
  const fleet = useFleet();
  fleet.version.value;
  const isKnown = fleet.isKnown.value;
  const { hives, workers } = fleet.registry.stats();
  const sums = fleet.rows.sums();
  return (
    <div class="vitals">
      {isKnown && (
        <>
          <span class="phone-no">
            <b>{countText(hives.alive)}</b>
            <span class="muted"> of {countText(hives.total)} hives</span>
          </span>
          <span class="wide">
            <b>{countText(workers.busy)}</b>
            <span class="muted"> of {countText(workers.total)} workers busy</span>
          </span>
          {sums.vram_total_bytes > 0 && (
            <span class="wide">
              <b>{bytesOfText(sums.vram_used_bytes, sums.vram_total_bytes)}</b>
              <span class="muted"> VRAM</span>
            </span>
          )}
        </>
      )}
      <ConnectionState />
    </div>
  );
}

/** The head of a page: where it belongs, its name, and what can be done. Sets the window's title. */
export function PageHead(props: {
  readonly title: string;
  /** Pages above it. */
  readonly trail?: readonly { readonly text: string; readonly href: string }[];
  /** Beside the name: its state. */
  readonly beside?: ComponentChildren;
  readonly children?: ComponentChildren;
}): JSX.Element {
  useEffect(() => {
    document.title = `${props.title} · hive`;
  }, [props.title]);
  return (
    <div class="page-head">
      {props.trail !== undefined && (
        <nav class="trail" aria-label="Above this page">
          {props.trail.map(({ text, href: to }) => (
            <span key={to}>
              <a href={to}>{text}</a>
              <span class="muted" aria-hidden="true">
                {" / "}
              </span>
            </span>
          ))}
        </nav>
      )}
      <h1>{props.title}</h1>
      {props.beside}
      {props.children !== undefined && <div class="row push">{props.children}</div>}
    </div>
  );
}
