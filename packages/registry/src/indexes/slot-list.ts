import { grownCapacity, grownInt32 } from "./grow.ts";

/** A set of small integers that can be listed at the cost of its size. Its owner remembers where each one stands. */
export class SlotList {
  size = 0;
  #slots: Int32Array = new Int32Array(0);

  /** @returns where it stands now. */
  add(slot: number): number {
    if (this.size >= this.#slots.length)
      this.#slots = grownInt32(this.#slots, grownCapacity(this.size + 1, this.#slots.length));
    this.#slots[this.size] = slot;
    return this.size++;
  }

  /** @returns the slot that took the freed place, -1 when none had to move. */
  removeAt(position: number): number {
    const last = this.#slots[--this.size] as number;
    if (position === this.size) return -1;
    this.#slots[position] = last;
    return last;
  }

  at(position: number): number {
    return this.#slots[position] as number;
  }
}
