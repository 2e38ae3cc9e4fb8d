import type { CommandDeps } from "../deps.ts";
import { fleetNow, type SourceDeps, startFleetSource } from "./fleet-source.ts";
import { FIRST_STATE } from "./keys.ts";
import { pictureOf, plainText, type Size } from "./picture.ts";
import { fleetScreen } from "./screen.ts";

/** At most four pictures a second: more nobody reads, and a slow line could not carry them. */
const REDRAW_MS = 250;
/** Of a picture that is printed. */
const PRINTED: Size = { columns: 100, rows: 60 };

const CLEAR_SCREEN = "\u001B[2J\u001B[H";
const ENTER_SCREEN = "\u001B[?1049h\u001B[H";
/** Back to what was there before, with a cursor. */
const LEAVE_SCREEN = "\u001B[?1049l\u001B[?25h";

export interface TopFlags {
  readonly once?: boolean;
}

/** A person's terminal. */
export interface Screen {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly hasColour: boolean;
}

export type TopDeps = SourceDeps &
  Pick<CommandDeps, "print"> & {
    /** Undefined where nobody looks. */
    readonly screen: Screen | undefined;
    interruptible(): { readonly signal: AbortSignal; end(): void };
    /** Runs when the process ends in whatever way; returns the end of it. */
    onExit(run: () => void): () => void;
  };

/** `hive top` shows the fleet until q. Where there is no terminal, or with `--once`, it prints one picture. */
export async function top(deps: TopDeps, flags: TopFlags): Promise<void> {
  const { screen } = deps;
  if (flags.once === true || screen === undefined) {
    deps.print(plainText(pictureOf(await fleetNow(deps), FIRST_STATE, PRINTED)));
    return;
  }
  // Who cannot be reached, or wants a token, is told before the screen is taken.
  await deps.client.stats();
  await show(deps, screen);
}

/** Ink paints nothing where these are set, as some people's shells and containers have them; that somebody looks is known by now. */
async function drawingInk(): Promise<typeof import("ink")> {
  for (const name of ["CI", "CONTINUOUS_INTEGRATION"]) delete process.env[name];
  return import("ink");
}

async function show(deps: TopDeps, { stdin, stdout, hasColour }: Screen): Promise<void> {
  const [ink, react] = await Promise.all([drawingInk(), import("react")]);
  const interrupt = deps.interruptible();
  const done = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, done.signal]);
  const source = startFleetSource(deps, signal);
  const leave = () => void stdout.write(LEAVE_SCREEN);
  const stay = deps.onExit(leave);
  stdout.write(ENTER_SCREEN);
  const element = react.createElement(fleetScreen({ ink, react }), {
    source: {
      hasColour,
      view: source.view,
      quit: () => done.abort(),
      onNews: (redraw) => {
        const timer = setInterval(() => source.isNews() && redraw(), REDRAW_MS);
        return () => clearInterval(timer);
      },
    },
  });
  const app = ink.render(element, { ...{ stdin, stdout }, exitOnCtrlC: false, patchConsole: false });
  const stopResizing = clearWhenSmaller(stdout);
  try {
    await Promise.race([source.ended, app.waitUntilExit()]);
  } finally {
    done.abort();
    stopResizing();
    app.unmount();
    leave();
    stay();
    interrupt.end();
  }
}

/**
 * A terminal that became smaller has parts of the picture where the next one will not paint, so it is cleared before anybody
 * else hears of it. One that only became wider shows the same lines, which would not be painted again.
 */
function clearWhenSmaller(stdout: NodeJS.WriteStream): () => void {
  let { columns, rows } = stdout;
  const onResize = () => {
    if (stdout.columns < columns || stdout.rows !== rows) stdout.write(CLEAR_SCREEN);
    ({ columns, rows } = stdout);
  };
  stdout.prependListener("resize", onResize);
  return () => void stdout.off("resize", onResize);
}
