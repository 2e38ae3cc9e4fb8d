/** How the page stands with the queen. `since_ms` by the page's own clock. */
export type Connection =
  | { readonly state: "connecting"; readonly message?: string }
  | { readonly state: "live" }
  | { readonly state: "stale"; readonly since_ms: number; readonly message: string }
  /** Trying again would not help: a wrong token, another program at this address. */
  | { readonly state: "refused"; readonly message: string };

/** What people read of it. */
export function connectionText(connection: Connection, nowMs: number): string {
  switch (connection.state) {
    case "connecting":
      return "connecting …";
    case "live":
      return "live";
    case "stale":
      return `queen unreachable since ${secondsText(nowMs - connection.since_ms)}`;
    case "refused":
      return "not connected";
  }
}

function secondsText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
