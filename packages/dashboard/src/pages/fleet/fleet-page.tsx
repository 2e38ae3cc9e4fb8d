import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { navigate, route, useApi, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { PageHead } from "../../app/shell.tsx";
import { Choice, SelectField } from "../../ui/fields.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Button, ButtonLink } from "../../ui/parts.tsx";
import { Empty, Skeleton, Spinner } from "../../ui/states.tsx";
import { FleetTotals } from "./fleet-totals.tsx";
import { FleetView, SORTS, type Sort, STATUS_FILTERS, type StatusFilter, type View } from "./fleet-view.ts";
import { FreeModels } from "./free-models.tsx";
import { FreezeBanner } from "./freeze-banner.tsx";
import { HiveGrid } from "./hive-grid.tsx";
import { type Traffic, useTraffic } from "./use-traffic.ts";
import "./fleet.css";

const SORT_WORDS: Readonly<Record<Sort, string>> = {
  name: "By name",
  status: "Worst first",
  "vram-free": "Most free VRAM",
  gpu: "Busiest GPU",
  workers: "Most workers",
};

export function FleetPage(): JSX.Element {
  const fleet = useFleet();
  const isKnown = fleet.isKnown.value;
  const traffic = useTraffic();
  return (
    <>
      <PageHead title="Fleet">
        <ButtonLink href={href.machineAdd()} icon="plus">
          Add a machine
        </ButtonLink>
      </PageHead>
      {traffic.stats !== undefined && <FreezeBanner stats={traffic.stats} onThawed={traffic.refresh} />}
      {isKnown ? <KnownFleet traffic={traffic} /> : <UnknownFleet />}
    </>
  );
}

function KnownFleet({ traffic }: { readonly traffic: Traffic }): JSX.Element {
  const fleet = useFleet();
  fleet.version.value;
  const order = useRef(new FleetView());
  const view = viewOf(route.value.query);
  if (fleet.rows.size === 0) return <NoHives />;
  const rows = order.current.list(fleet.rows, view);
  return (
    <>
      <CurrentTotals traffic={traffic} />
      <FreeModels />
      <Toolbar view={view} shown={rows.length} total={fleet.rows.size} />
      {rows.length > 0 ? (
        <HiveGrid rows={rows} />
      ) : (
        <Empty icon="search" title="No hive is like that">
          <p class="muted">
            Names, labels, models, backends, devices and states are looked through; every word must be found.
          </p>
          <Button onClick={() => navigate(href.fleet(), { replace: true })}>Show all hives</Button>
        </Empty>
      )}
    </>
  );
}

/** Numbers that change ten times a second cannot be read: once is enough. */
function CurrentTotals({ traffic }: { readonly traffic: Traffic }): JSX.Element {
  const fleet = useFleet();
  fleet.seconds.value;
  const { hives, workers } = fleet.registry.stats();
  return <FleetTotals hives={hives} workers={workers} sums={fleet.rows.sums()} traffic={traffic} />;
}

function Toolbar({
  view,
  shown,
  total,
}: {
  readonly view: View;
  readonly shown: number;
  readonly total: number;
}): JSX.Element {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      search.current?.focus();
      search.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const show = (change: Partial<View>) => navigate(href.fleet(queryOf({ ...view, ...change })), { replace: true });
  return (
    <search class="toolbar">
      <div class="search">
        <Icon name="search" />
        <input
          ref={search}
          class="input"
          type="search"
          aria-label="Search hives by name, label, model, backend or status"
          placeholder="Search: name, label, model, status …"
          value={view.query}
          onInput={(event) => show({ query: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape") show({ query: "" });
          }}
        />
        <span class="key" aria-hidden="true">
          /
        </span>
      </div>
      <Choice
        label="Status"
        value={view.status}
        options={STATUS_FILTERS.map((value) => ({ value, text: value }))}
        onChange={(status) => show({ status })}
      />
      <SelectField
        label="Order"
        isLabelUnseen
        value={view.sort}
        options={SORTS.map((value) => ({ value, text: SORT_WORDS[value] }))}
        onChange={(sort) => show({ sort })}
      />
      <span class="small muted push" role="status">
        {shown === total
          ? `${total.toLocaleString("en")} ${total === 1 ? "hive" : "hives"}`
          : `${shown.toLocaleString("en")} of ${total.toLocaleString("en")} hives`}
      </span>
    </search>
  );
}

/** Nothing beats yet. */
function NoHives(): JSX.Element {
  const { session } = useApi();
  const queen = session.baseUrl.replace(/\/$/, "");
  return (
    <Empty title="No hives yet">
      <p class="muted">
        A hive is the agent on one machine; it appears here with its first heartbeat. Type one of these, or{" "}
        <a href={href.machineAdd()}>add a machine</a> by SSH from here:
      </p>
      <pre class="commands small">
        {`# on the machine itself
hive agent --queen ${queen}

# from here, over SSH
hive add USER@HOST

# a fleet that only pretends
hive simulate --hives 4 --workers 2`}
      </pre>
    </Empty>
  );
}

/** Before the first picture. */
function UnknownFleet(): JSX.Element {
  const connection = useFleet().connection.value;
  const { session } = useApi();
  if (connection.state === "connecting" && connection.message !== undefined) {
    return (
      <Empty icon="warning" title="The queen does not answer">
        <p class="muted">{connection.message}</p>
        <p>
          The page tries again by itself. Is she running at <code>{session.baseUrl}</code>? <code>hive up</code> starts
          her.
        </p>
        <Spinner>Trying …</Spinner>
      </Empty>
    );
  }
  if (connection.state === "refused") {
    return (
      <Empty icon="key" title="Not connected">
        <p class="muted">{connection.message}</p>
      </Empty>
    );
  }
  return (
    <div class="tiles-to-come">
      {Array.from({ length: 8 }, (_, at) => (
        <Skeleton key={at} height={11} label={at === 0 ? "The fleet is on its way" : ""} />
      ))}
    </div>
  );
}

function viewOf(query: URLSearchParams): View {
  return {
    query: query.get("q") ?? "",
    status: STATUS_FILTERS.find((one) => one === query.get("status")) ?? "all",
    sort: SORTS.find((one) => one === query.get("sort")) ?? "name",
  };
}

/** What is as usual is left out of the address. */
function queryOf({ query, status, sort }: View): Record<string, string> {
  return {
    ...(query === "" ? {} : { q: query }),
    ...(status === ("all" satisfies StatusFilter) ? {} : { status }),
    ...(sort === ("name" satisfies Sort) ? {} : { sort }),
  };
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
