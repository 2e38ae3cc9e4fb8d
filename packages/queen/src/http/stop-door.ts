import { HiveError } from "@hive-registry/contract";
import type { Door } from "./door.ts";
import { writeFailure } from "./failures.ts";

/**
 * While the queen stops it takes nothing new, also on connections that are open: each is told `SHUTTING_DOWN` and closed. What
 * was begun before goes on.
 */
export function stopDoor(deps: { readonly nextRequestId: () => string }): {
  readonly door: Door;
  readonly begin: () => void;
} {
  let stopping = false;
  return {
    door: (_request, response) => {
      if (!stopping) return false;
      const error = new HiveError("SHUTTING_DOWN", "The queen stops");
      writeFailure(response, error, deps.nextRequestId(), { close: true });
      return true;
    },
    begin: () => {
      stopping = true;
    },
  };
}
