/** How a request ended. */
export const ENDINGS = ["ok", "client_error", "worker_error", "no_worker", "refused", "hangup", "handed_over"] as const;
export type Ending = (typeof ENDINGS)[number];
