import type * as InkModule from "ink";
import type * as ReactModule from "react";
import type { FunctionComponent, ReactElement } from "react";
import type { FleetView } from "./fleet-view.ts";
import { FIRST_STATE, type Key, press, type TopState } from "./keys.ts";
import { type Line, type Picture, pictureOf, type Size, type Span, type Tone } from "./picture.ts";

/** Loaded by who shows the screen: no other command pays for them. */
export interface ScreenLibraries {
  readonly ink: typeof InkModule;
  readonly react: typeof ReactModule;
}

/** Where the screen gets what it shows. */
export interface ScreenSource {
  view(): FleetView;
  /** Calls `redraw` when there is something new to draw; returns the end of it. */
  onNews(redraw: () => void): () => void;
  quit(): void;
  readonly hasColour: boolean;
}

/** What a terminal has that does not say how large it is. */
const SIZE_UNKNOWN: Size = { columns: 80, rows: 24 };

/** The screen as a component of Ink: keys come in, lines go out. */
export function fleetScreen({ ink, react }: ScreenLibraries): FunctionComponent<{ readonly source: ScreenSource }> {
  const { createElement, useEffect, useReducer, useRef } = react;
  const { Box, Text, useInput, useStdout } = ink;

  return function Screen({ source }): ReactElement {
    const { stdout } = useStdout();
    const [, redraw] = useReducer((count: number) => count + 1, 0);
    const state = useRef<TopState>(FIRST_STATE);
    const picture = useRef<Picture | undefined>(undefined);
    useEffect(() => source.onNews(redraw), [source]);
    useEffect(() => {
      stdout.on("resize", redraw);
      return () => void stdout.off("resize", redraw);
    }, [stdout]);
    useInput((input, key) => {
      for (const one of keysOf(input, key, state.current.typing)) {
        const { ids, pageSize } = picture.current ?? { ids: [], pageSize: 1 };
        const next = press(state.current, one, { ids, pageSize });
        if (next === "quit") return source.quit();
        state.current = next;
      }
      redraw();
    });
    // A line is left free: what fills a terminal whole makes it scroll.
    const { columns = SIZE_UNKNOWN.columns, rows = SIZE_UNKNOWN.rows } = stdout;
    const size = { columns: columns || SIZE_UNKNOWN.columns, rows: Math.max(2, (rows || SIZE_UNKNOWN.rows) - 1) };
    picture.current = pictureOf(source.view(), state.current, size);
    return createElement(Box, { flexDirection: "column" }, picture.current.lines.map(lineElement));

    function lineElement(line: Line, at: number): ReactElement {
      const spans = line.length === 0 ? " " : line.map(spanElement);
      return createElement(Text, { key: at, wrap: "truncate" }, spans);
    }

    function spanElement({ text, tone }: Span, at: number): ReactElement {
      return createElement(Text, { key: at, ...(tone === undefined ? {} : lookOf(tone, source.hasColour)) }, text);
    }
  };
}

const COLOURS: Readonly<Partial<Record<Tone, string>>> = { good: "green", warning: "yellow", bad: "red" };

function lookOf(tone: Tone, hasColour: boolean): InkModule.TextProps {
  const color = hasColour ? COLOURS[tone] : undefined;
  if (color !== undefined) return { color };
  if (tone === "cursor") return { inverse: true };
  return tone === "strong" ? { bold: true } : tone === "dim" ? { dimColor: true } : {};
}

/** Keys may come several at once: held down, or over a slow line. */
function keysOf(input: string, key: InkModule.Key, typing: boolean): Key[] {
  if (key.ctrl && input === "c") return [typing ? "escape" : { text: "q" }, { text: "q" }];
  if (key.upArrow) return ["up"];
  if (key.downArrow) return ["down"];
  if (key.pageUp) return ["page-up"];
  if (key.pageDown) return ["page-down"];
  if (key.return) return ["enter"];
  if (key.escape) return ["escape"];
  if (key.tab) return [key.shift ? "back-tab" : "tab"];
  if (key.backspace || key.delete) return ["backspace"];
  if (key.ctrl || key.meta) return [];
  const letters = [...input.replaceAll(/\p{C}/gu, "")];
  return letters.map((text) => ({ text }));
}
