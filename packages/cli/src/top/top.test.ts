import type { FleetEvent, WorkerInfo } from "@hive-registry/client";
import { HiveRegistry } from "hive-registry";
import * as ink from "ink";
import { render } from "ink-testing-library";
import * as react from "react";
import { describe, expect, onTestFinished, test } from "vitest";
import { aWorker, NOW_MS } from "../testing/fakes.ts";
import type { FleetView } from "./fleet-view.ts";
import { FIRST_STATE, type Key, press, type TopState } from "./keys.ts";
import { bar, sparkline } from "./marks.ts";
import { pictureOf, plainText } from "./picture.ts";
import { fleetScreen } from "./screen.ts";

const SIZE = { columns: 110, rows: 16 };

interface Fleet {
  readonly registry: HiveRegistry;
  beat(hiveId: string, workers?: readonly WorkerInfo[], gpuPercent?: number): void;
}

function aFleet(): Fleet {
  const registry = new HiveRegistry({ now: () => NOW_MS });
  let seq = 0;
  return {
    registry,
    beat(hive_id, workers = [], gpuPercent) {
      const devices = [
        {
          ...{ id: "0", backend: "cuda", name: "RTX 4090", uuid: null, driver: null, power_w: 310, temperature_c: 64 },
          ...{ vram_total_bytes: 24e9, vram_free_bytes: 6e9, utilization_percent: gpuPercent ?? null },
        },
      ];
      const timestamp = new Date(NOW_MS).toISOString();
      const report = { hive_id, timestamp, workers, boot_id: "b", seq: ++seq };
      registry.updateHiveState(hive_id, gpuPercent === undefined ? report : { ...report, devices }, {
        receivedAtMs: NOW_MS,
      });
    },
  };
}

const viewOf = ({ registry }: Fleet, more: Partial<FleetView> = {}): FleetView => ({
  ...{
    queenUrl: "http://queen:7833",
    registry,
    stats: undefined,
    events: [],
    heat: new Map(),
    link: { state: "open" },
  },
  ...{ nowMs: NOW_MS + 3_000, queenAheadMs: 0 },
  ...more,
});

const textOf = (view: FleetView, state: Partial<TopState> = {}): string =>
  plainText(pictureOf(view, { ...FIRST_STATE, ...state }, SIZE));

/** What a person sees after these keys. */
function after(view: FleetView, ...keys: (Key | string)[]): TopState {
  return keys.reduce<TopState>((state, key) => {
    const named = typeof key === "string" && key.length > 2 && !key.startsWith("/") ? (key as Key) : undefined;
    const pressed = named ?? (typeof key === "string" ? { text: key } : key);
    const next = press(state, pressed, pictureOf(view, state, SIZE));
    if (next === "quit") throw new Error("it was quit");
    return next;
  }, FIRST_STATE);
}

describe("the picture of hive top", () => {
  test("says who is there, how full and how hot, and when it was heard", () => {
    const fleet = aFleet();
    fleet.beat("desk", [aWorker({ worker_id: "a" }), aWorker({ worker_id: "b", state: "Busy" })], 50);
    fleet.beat("attic");
    fleet.registry.suspectHive("attic");
    const text = textOf(viewOf(fleet, { heat: new Map([["desk", [null, 0, 50, 100]]]) }));
    expect(text).toContain("hives 2: 1 alive, 1 suspect   workers 2: 1 idle, 1 busy");
    expect(text).toMatch(/^ {2}desk +alive +2 ███████▌░░ ███░░░ 50 % +▁▅█ +3 s$/m);
    expect(text).toMatch(/^› attic +suspect +0 +3 s$/m);
  });

  test("is as large as the screen and never larger, whatever its size", () => {
    const fleet = aFleet();
    for (let at = 0; at < 50; at++) fleet.beat(`hive-with-a-long-name-${at}`, [aWorker()], at);
    for (const columns of [10, 40, 80, 200]) {
      for (const rows of [3, 10, 60]) {
        for (const tab of ["hives", "workers", "models", "events"] as const) {
          const { lines } = pictureOf(viewOf(fleet), { ...FIRST_STATE, tab }, { columns, rows });
          expect(lines).toHaveLength(rows);
          const widest = Math.max(...lines.map((line) => line.map(({ text }) => text).join("").length));
          expect(widest).toBeLessThanOrEqual(columns);
        }
      }
    }
  });

  test("says that the queen cannot be reached, and for how long", () => {
    const text = textOf(viewOf(aFleet(), { link: { state: "lost", sinceMs: NOW_MS - 9_000 } }));
    expect(text).toContain("queen unreachable since 12 s");
    expect(text).toContain("No hives yet");
  });

  test("shows one hive's devices and workers, and comes back to where it was", () => {
    const fleet = aFleet();
    fleet.beat("attic", [aWorker({ worker_id: "other" })]);
    fleet.beat("desk", [aWorker({ worker_id: "mine", model_id: "qwen" })], 91);
    const events: FleetEvent[] = [
      { id: 1, at_ms: NOW_MS, type: "hive.back", level: "info", message: "desk is back", hive_id: "desk" },
    ];
    const view = viewOf(fleet, { events });
    const inside = after(view, "down", "enter");
    const text = textOf(view, inside);
    expect(text).toMatch(/RTX 4090 +VRAM ███████▌░░ 18\.0 GB of 24\.0 GB +GPU █████▌ 91 % {2}64 °C {2}310 W/);
    expect(text).toContain("last: desk is back");
    expect(text).toContain("mine");
    expect(text).not.toContain("other");
    expect(press(inside, "escape", pictureOf(view, inside, SIZE))).toMatchObject({ hiveId: undefined, cursor: "desk" });
  });

  test("keeps the cursor on its hive while rows move around it", () => {
    const fleet = aFleet();
    fleet.beat("b", [], 10);
    fleet.beat("c", [], 90);
    const view = viewOf(fleet);
    const state = after(view, "down", "s");
    expect(textOf(view, state)).toMatch(/› c[\s\S]+ {2}b/);
    fleet.beat("a", [], 95);
    expect(textOf(view, state)).toMatch(/ {2}a[\s\S]+› c[\s\S]+ {2}b/);
  });

  test("lists what matches the filter alone, and says so when nothing does", () => {
    const fleet = aFleet();
    for (const id of ["desk", "attic", "rack"]) fleet.beat(id);
    const view = viewOf(fleet);
    expect(textOf(view, after(view, "/", "t", "i", "enter"))).toMatch(/\/ti\n[\s\S]*attic/);
    expect(textOf(view, after(view, "/", "t", "i"))).not.toContain("desk");
    expect(textOf(view, after(view, "/", "z", "z"))).toContain("Nothing matches the filter.");
    expect(textOf(view, after(view, "/", "z", "backspace", "escape"))).toContain("desk");
  });

  test("lets nothing that a machine tells steer the terminal", () => {
    const fleet = aFleet();
    fleet.beat("desk\u001B[2J", [aWorker({ worker_id: "w\u0007\n", model_id: "m\u001B]0;x" })]);
    for (const tab of ["hives", "workers", "models"] as const) {
      expect(textOf(viewOf(fleet), { tab })).not.toMatch(/\p{Cc}(?<!\n)/u);
    }
  });

  test("has other views of workers, models and events", () => {
    const fleet = aFleet();
    fleet.beat("desk", [aWorker({ worker_id: "w", model_id: "qwen", slots_total: 4, slots_busy: 1 })]);
    const events: FleetEvent[] = ["first", "second"].map((message, at) => ({
      ...{ id: at + 1, at_ms: NOW_MS, type: "hive.seen", level: "info", message },
    }));
    const view = viewOf(fleet, { events });
    expect(textOf(view, after(view, "2"))).toMatch(/› w +desk +Idle +1\/4 .* qwen/);
    expect(textOf(view, after(view, "tab", "tab"))).toMatch(/› qwen +1 +1 +3 +1/);
    expect(textOf(view, after(view, "back-tab"))).toMatch(/second[\s\S]+first/);
    expect(textOf(view, after(view, "?"))).toContain("Page Up/Down");
  });
});

test("marks are as long as they should be, and leave what is not known empty", () => {
  expect([bar(0, 4), bar(0.5, 4), bar(1.2, 4), bar(undefined, 4)]).toEqual(["░░░░", "██░░", "████", "    "]);
  expect(sparkline([0, null, 50, 100, 200], 6, 100)).toBe(" ▁ ▅██");
});

describe("the screen of hive top", () => {
  function aScreen(fleet: Fleet) {
    const heard = { quits: 0 };
    let redraw = () => {};
    const Screen = fleetScreen({ ink, react });
    const source = {
      hasColour: false,
      view: () => viewOf(fleet),
      quit: () => void heard.quits++,
      onNews: (run: () => void) => {
        redraw = run;
        return () => {};
      },
    };
    const screen = render(react.createElement(Screen, { source }));
    onTestFinished(() => screen.unmount());
    return { ...screen, heard, redraw: () => redraw() };
  }

  test("draws what is new, and obeys keys, also those that come together", async () => {
    const fleet = aFleet();
    fleet.beat("desk");
    const { lastFrame, stdin, redraw, heard } = aScreen(fleet);
    expect(lastFrame()).toContain("› desk");
    fleet.beat("rack");
    fleet.beat("shed");
    redraw();
    await expect.poll(lastFrame).toContain("shed");
    stdin.write("jj");
    await expect.poll(lastFrame).toContain("› shed");
    stdin.write("\u001B[A");
    await expect.poll(lastFrame).toContain("› rack");
    stdin.write("\r");
    await expect.poll(lastFrame).toContain("› rack\n  alive");
    stdin.write("q");
    await expect.poll(() => heard.quits).toBe(1);
  });

  test("is ended by Ctrl-C in whatever it does", async () => {
    const { stdin, lastFrame, heard } = aScreen(aFleet());
    stdin.write("/");
    await expect.poll(lastFrame).toContain("type to filter");
    stdin.write("q");
    await expect.poll(lastFrame).toContain("/q");
    stdin.write("\u0003");
    await expect.poll(() => heard.quits).toBeGreaterThan(0);
  });
});
