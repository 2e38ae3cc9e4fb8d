import type { Usage } from "./usage.ts";

/** What was seen of a request of a model. */
export interface SeenRequest extends Usage {
  /** As its worker calls it; else one of those that its name means, and the name itself where there is none. */
  readonly model: string;
  /** A worker had it. */
  readonly isServed: boolean;
  readonly failed: boolean;
  readonly queue_wait_ms: number;
  readonly first_byte_ms?: number;
}
