import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isDark } from "../app/theme.ts";
import { type ChartLine, chartText, hasValues } from "./chart-text.ts";

const LINE_COLORS = ["--series-1", "--series-2", "--series-3", "--series-4"];
const AXIS_WIDTH = 62;
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((first) => Array.from({ length: 9 }, (_, zeros) => first * 10 ** zeros))
  .sort((a, b) => a - b);

export interface ChartProps {
  readonly title: string;
  readonly fromMs: number;
  readonly stepMs: number;
  /** At most four. */
  readonly lines: readonly ChartLine[];
  /** A value in words: "23.9 GB". */
  readonly read: (value: number) => string;
  /** What the axis reaches at least. */
  readonly max?: number;
  /** Counts have no halves: nor has their axis. */
  readonly isCount?: boolean;
}

/** Lines over time. Draws anew when its room or the theme changes; who cannot see it hears its numbers. */
export function Chart(props: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const dark = isDark.value;
  const names = props.lines.map(({ name }) => name).join("\n");

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(latest.current, element), dataOf(latest.current), element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize(sizeOf(element)));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [dark, names, props.max]);

  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [props.lines, props.fromMs, props.stepMs]);

  return (
    <figure class="chart">
      <figcaption>
        <strong>{props.title}</strong>
        {props.lines.length > 1 && (
          <span class="legend">
            {props.lines.map(({ name }, at) => (
              <span key={name}>
                <i style={{ background: `var(${LINE_COLORS[at]})` }} />
                {name}
              </span>
            ))}
          </span>
        )}
        {!hasValues(props.lines) && <span class="muted">nothing known yet</span>}
      </figcaption>
      <div class="plot" ref={place} role="img" aria-label={`${props.title}. ${chartText(props.lines, props.read)}`} />
    </figure>
  );
}

function dataOf({ lines, fromMs, stepMs }: ChartProps): uPlot.AlignedData {
  const count = Math.max(0, ...lines.map(({ values }) => values.length));
  const times = Array.from({ length: count }, (_, at) => (fromMs + at * stepMs) / 1000);
  return [times, ...lines.map(({ values }) => [...values])];
}

const sizeOf = (element: HTMLElement) => ({
  width: Math.max(1, element.clientWidth),
  height: Math.max(1, element.clientHeight),
});

function optionsFor(props: ChartProps, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--muted"),
    font: `11px ${color("--font")}`,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(element),
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    padding: [8, 8, 0, 0],
    scales: {
      y: { range: (_plot, _low, high) => [0, Math.max(props.max ?? 0, (high ?? 0) * 1.05, 1e-9)] },
    },
    axes: [
      { ...axis, size: 26, space: 64, values: (_plot, splits) => splits.map(clockText) },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: 28,
        values: (_plot, splits) => splits.map((value) => props.read(value)),
        ...(props.isCount === true ? { incrs: WHOLE_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...props.lines.map(({ name }, at) => {
        const stroke = color(LINE_COLORS[at % LINE_COLORS.length] ?? "--series-1");
        return {
          label: name,
          stroke,
          width: 1.75,
          points: { show: false },
          ...(props.lines.length === 1 ? { fill: `${stroke}22` } : {}),
        };
      }),
    ],
  };
}

const clockText = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
