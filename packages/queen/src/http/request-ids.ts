/** Names requests, so that an answer's `x-request-id` finds its line in the log. Unique within one run of the queen. */
export function requestIds(): () => string {
  let last = 0;
  return () => `req-${(++last).toString(36)}`;
}
