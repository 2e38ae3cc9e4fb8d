import { expect, test } from "vitest";
import { SlotPool } from "./slots.ts";

const forever = new AbortController().signal;
const any = (): number => 0;

function aPool(slots: readonly string[], maxQueued = 8): SlotPool<string> {
  return new SlotPool(slots, { maxQueued });
}

test("the preferred free slot is lent, and of equals the one that was free longest", async () => {
  const pool = aPool(["a", "b", "c"]);
  const b = await pool.acquire((slot) => (slot === "b" ? 1 : 0), forever);
  expect(b.slot).toBe("b");
  b.release();
  expect((await pool.acquire(any, forever)).slot).toBe("a");
  expect((await pool.acquire(any, forever)).slot).toBe("c");
  expect((await pool.acquire(any, forever)).slot).toBe("b");
});

test("who waits is served first come first served", async () => {
  const pool = aPool(["a"]);
  const served: number[] = [];
  const first = await pool.acquire(any, forever);
  const waiting = [1, 2, 3].map(async (id) => {
    const lease = await pool.acquire(any, forever);
    served.push(id);
    lease.release();
  });
  expect(pool.load()).toEqual({ slots_total: 1, slots_busy: 1, queue_depth: 3 });
  first.release();
  await Promise.all(waiting);
  expect(served).toEqual([1, 2, 3]);
  expect(pool.load()).toEqual({ slots_total: 1, slots_busy: 0, queue_depth: 0 });
});

test("one more than the queue holds is refused with a time to come back", async () => {
  const pool = aPool(["a"], 1);
  await pool.acquire(any, forever);
  void pool.acquire(any, forever);
  await expect(pool.acquire(any, forever)).rejects.toMatchObject({ code: "QUEUE_FULL", status: 503, retryAfterS: 1 });
});

test("who gives up waiting leaves the queue at once, and the slot goes to the next", async () => {
  const pool = aPool(["a"]);
  const first = await pool.acquire(any, forever);
  const giveUp = new AbortController();
  const gone = pool.acquire(any, giveUp.signal);
  const next = pool.acquire(any, forever);
  giveUp.abort(new Error("hung up"));
  await expect(gone).rejects.toThrow("hung up");
  expect(pool.load().queue_depth).toBe(1);
  first.release();
  expect((await next).slot).toBe("a");
  await expect(pool.acquire(any, giveUp.signal)).rejects.toThrow("hung up");
});

test("giving back twice frees nothing twice", async () => {
  const pool = aPool(["a", "b"]);
  const one = await pool.acquire(any, forever);
  await pool.acquire(any, forever);
  one.release();
  one.release();
  expect(pool.load().slots_busy).toBe(1);
});

test("each change is told", async () => {
  const pool = aPool(["a"]);
  const seen: number[] = [];
  const unsubscribe = pool.onChange(() => seen.push(pool.load().slots_busy));
  const lease = await pool.acquire(any, forever);
  lease.release();
  unsubscribe();
  (await pool.acquire(any, forever)).release();
  expect(seen).toEqual([1, 0]);
});
