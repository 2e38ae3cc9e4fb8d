import type { ReservationReply } from "@hive-registry/contract";
import type { QueenOptions } from "../../core/queen.ts";
import { aQueen, type TestQueen } from "../../testing/a-queen.ts";
import { type FakeHive, type FakeHiveOptions, FakeHives } from "./fake-hives.ts";

const STEP_MS = 100;

export interface PlacementStory extends TestQueen {
  readonly hives: FakeHives;
  /** One more hive, heard and asked. */
  addHive(id: string, options?: FakeHiveOptions): Promise<FakeHive>;
  /** Lets time pass: hives beat every 100 ms, and what they answer arrives. */
  pass(ms: number): Promise<void>;
  /** Asks for a place, and notes what came of it. */
  want(model: string, wish?: object): { readonly asked: Promise<ReservationReply>; outcome: string };
  /** What was answered has been worked through. */
  settled(): Promise<void>;
}

/** A queen whose hives are played. */
export async function aPlacement(options: QueenOptions = {}): Promise<PlacementStory> {
  let hives: FakeHives | undefined;
  const story = await aQueen({ ...options, hiveCalls: (clock) => (hives = new FakeHives(clock)) });
  const { queen, clock } = story;
  const played = hives as unknown as FakeHives;
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...story,
    hives: played,
    settled,
    async addHive(id, hiveOptions) {
      const hive = played.add(id, hiveOptions);
      queen.receiveHeartbeat(hive.heartbeat());
      await settled();
      return hive;
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        clock.advance(Math.min(left, STEP_MS));
        played.beat(queen);
        await settled();
      }
    },
    want(model, wish = {}) {
      const asked = queen.reserve({ model, wait_ms: 600_000, ...wish });
      const note = { asked, outcome: "waits" };
      asked.then(
        ({ hive_id, worker }) => {
          note.outcome = `${hive_id}/${worker.worker_id}`;
        },
        (error: { readonly code: string }) => {
          note.outcome = error.code;
        },
      );
      return note;
    },
  };
}
