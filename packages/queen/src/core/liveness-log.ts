import type { RegistryEvent } from "hive-registry";
import type { QueenLog } from "./queen.ts";

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

/** Says loudly when the queen trusts herself less, and again when that is over. */
export function logLiveness(log: QueenLog, event: RegistryEvent): void {
  switch (event.type) {
    case "fleet.frozen": {
      const { silent, total, until_ms, at_ms } = event;
      const message =
        `${silent} of ${total} hives fell silent together: perhaps it is this queen that is cut off. ` +
        `No hive is evicted for at most ${seconds(until_ms - at_ms)}; POST /api/v1/liveness/thaw ends that`;
      log.warn({ silent, total, until_ms }, message);
      return;
    }
    case "fleet.thawed":
      log.warn({ reason: event.reason }, THAWED[event.reason]);
      return;
    case "fleet.stalled": {
      const { stall_ms, grace_until_ms, at_ms } = event;
      const message =
        `This queen stood still for ${seconds(stall_ms)}. ` +
        `Hives count as quiet no sooner than ${seconds(grace_until_ms - at_ms)} from now`;
      log.warn({ stall_ms, grace_until_ms }, message);
    }
  }
}

const THAWED = {
  time: "Hives are evicted again: those that fell silent together did not come back in time",
  recovered: "Hives are evicted again: enough of those that fell silent together are back",
  operator: "Hives are evicted again: an operator said so",
} as const;
