import type { CandidateHeap } from "../indexes/candidate-heap.ts";
import { SlotList } from "../indexes/slot-list.ts";

/** All workers that have one model. */
export class ModelGroup {
  readonly model: string;
  /** Seats of all of them. */
  readonly seats: SlotList = new SlotList();
  /** Seats of those that could take a request now. */
  readonly candidates: CandidateHeap;
  /** Hives that have the model. */
  hives = 0;
  slotsFree = 0;
  /** Another number whenever a worker comes or goes; no other group ever has it. */
  membership = 0;
  /** The last count of a hive that met this group; keeps a hive with eight such workers one hive. */
  countedIn = 0;

  constructor(model: string, candidates: CandidateHeap) {
    this.model = model;
    this.candidates = candidates;
  }
}
