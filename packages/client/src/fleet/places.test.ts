import { HiveRegistry } from "hive-registry";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LocalPlaces, type Place, WAITING_MAX } from "./places.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let beats = 0;

function aDesk(fields: { readonly slots?: number; readonly max?: number } = {}) {
  const registry = new HiveRegistry({ now: () => Date.now() });
  const places = new LocalPlaces(registry, fields.max === undefined ? {} : { waitingMax: fields.max });
  const beat = (slots_total = fields.slots ?? 1, model_id = "llama-3-8b") => {
    const timestamp = new Date().toISOString();
    const status = { state: "Idle", health_status: "healthy", last_heartbeat: timestamp } as const;
    const workers = [{ ...status, worker_id: "a", url: "http://a:1", model_id, slots_total, slots_busy: 0 }];
    registry.updateHiveState("desk", { hive_id: "desk", timestamp, boot_id: "1", seq: ++beats, workers });
    places.wake();
  };
  beat();
  return { registry, places, beat };
}

const wish = { model: "llama-3-8b" };
const wait = { waitMs: 1_000 };

describe("places of one client", () => {
  test("come first to whoever waits longest, and nobody who comes later gets in between", async () => {
    const { registry, places } = aDesk();
    const held = await places.reserve(wish, wait);
    const order: string[] = [];
    const waiting = ["first", "second"].map(async (name) => {
      const place = await places.reserve(wish, wait);
      order.push(name);
      return place;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(places.waiting).toBe(2);
    held.release();
    const late = places.reserve(wish, wait).then((place) => {
      order.push("late");
      return place;
    });
    const first = (await waiting[0]) as Place;
    first.release();
    ((await waiting[1]) as Place).release();
    (await late).release();
    expect(order).toEqual(["first", "second", "late"]);
    expect([registry.reservationCount(), places.waiting, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  test("are given as soon as a heartbeat tells of one, and when a forgotten one's time is over", async () => {
    const { places, beat } = aDesk();
    await places.reserve({ ...wish, ttl_ms: 300 }, wait);
    const [second, third] = [places.reserve(wish, wait), places.reserve(wish, wait)];
    beat(2);
    expect((await second).worker.worker_id).toBe("a");
    await vi.advanceTimersByTimeAsync(500);
    expect((await third).worker.worker_id).toBe("a");
  });

  test("do not come in time: NO_WORKER; and without waiting at once", async () => {
    const { places } = aDesk();
    await places.reserve(wish, wait);
    await expect(places.reserve(wish, { waitMs: 0 })).rejects.toMatchObject({ code: "NO_WORKER", status: 503 });
    const late = expect(places.reserve(wish, wait)).rejects.toMatchObject({ code: "NO_WORKER" });
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
    expect([places.waiting, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test("are not kept for who leaves", async () => {
    const { registry, places } = aDesk();
    const held = await places.reserve(wish, wait);
    const leaving = new AbortController();
    const left = expect(places.reserve(wish, { ...wait, signal: leaving.signal })).rejects.toThrow("gone");
    leaving.abort(new Error("gone"));
    await left;
    held.release();
    expect([registry.reservationCount(), places.waiting]).toEqual([0, 0]);
    await expect(places.reserve(wish, { ...wait, signal: leaving.signal })).rejects.toThrow("gone");
  });

  test("wish of another kind does not hold up those behind it", async () => {
    const { places } = aDesk();
    const held = await places.reserve(wish, wait);
    const metal = expect(places.reserve({ ...wish, backend: "metal" }, wait)).rejects.toMatchObject({
      code: "NO_WORKER",
    });
    const any = places.reserve(wish, wait);
    held.release();
    expect((await any).worker.worker_id).toBe("a");
    await vi.advanceTimersByTimeAsync(1_000);
    await metal;
  });

  test("can be waited for by so many and no more", async () => {
    expect(WAITING_MAX).toBe(1_024);
    const { places } = aDesk({ max: 2 });
    await places.reserve(wish, wait);
    const waiting = [places.reserve(wish, wait), places.reserve(wish, wait)].map((one) => one.catch(() => "late"));
    await expect(places.reserve(wish, wait)).rejects.toMatchObject({ code: "NO_WORKER", message: /2 requests wait/ });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await Promise.all(waiting)).toEqual(["late", "late"]);
  });

  test("of a model that nobody has are refused at once, with what comes near it; unless nobody is known yet", async () => {
    const { places, registry, beat } = aDesk();
    await expect(places.reserve({ model: "lama-3-8b" }, wait)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      details: { near: ["llama-3-8b"] },
    });
    registry.removeHive("desk");
    const soon = places.reserve({ model: "m2" }, wait);
    beat(1, "m2");
    expect((await soon).model).toBe("m2");
  });

  test("end with the client: who waits is told", async () => {
    const { places } = aDesk();
    await places.reserve(wish, wait);
    const told = expect(places.reserve(wish, wait)).rejects.toThrow("closed");
    await vi.advanceTimersByTimeAsync(0);
    places.close(new Error("closed"));
    await told;
    expect(vi.getTimerCount()).toBe(0);
  });
});
