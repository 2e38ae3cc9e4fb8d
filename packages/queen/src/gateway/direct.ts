import type { Reservation } from "hive-registry";
import type { Direct, Question } from "./question.ts";
import type { WorkerUrl } from "./worker-url.ts";

/**
 * How long a place is held for a client that was sent to the worker itself, ms, when no report comes. Nobody tells the queen
 * when the request ends: the worker's next report has it, and counts from then on. (nginx tells.)
 */
export const HANDED_OVER_HOLD_MS = 15_000;
/** The internal location of nginx that carries the bytes: see docs/guide/nginx.md. */
export const X_ACCEL_PREFIX = "/_hive_worker";

/** Status and headers that send a client, or the proxy before the queen, to the worker itself. */
export function handOver(
  direct: Direct,
  { target }: Question,
  { origin, prefix }: WorkerUrl,
  reservation: Reservation,
  authorization: string | undefined,
): { readonly status: number; readonly headers: readonly string[] } {
  const held = ["x-hive-reservation", reservation.reservation_id, "cache-control", "no-store"];
  const path = prefix + target;
  if (direct === "redirect") {
    // A bundled worker tells of the request by this id as soon as it has it; others pass it over.
    const query = `${path.includes("?") ? "&" : "?"}hive_handover=${reservation.reservation_id}`;
    return { status: 307, headers: ["location", origin + path + query, ...held] };
  }
  const { protocol, host } = new URL(origin);
  const inside = `${X_ACCEL_PREFIX}/${protocol.slice(0, -1)}/${host}${path}`;
  const key = authorization === undefined ? [] : ["x-hive-authorization", authorization];
  return { status: 200, headers: ["x-accel-redirect", inside, ...key, ...held] };
}
