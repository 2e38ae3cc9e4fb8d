/** A replica was handed a change that does not follow the last one it has: it must start again from a snapshot. */
export class RevisionGapError extends Error {
  readonly code = "REVISION_GAP" as const;
  readonly expected: number;
  readonly received: number;

  constructor(expected: number, received: number) {
    super(`expected revision ${expected}, got ${received}: start again from a snapshot`);
    this.name = "RevisionGapError";
    this.expected = expected;
    this.received = received;
  }
}
