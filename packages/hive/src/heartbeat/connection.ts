import type { Route } from "./reach.ts";

/** One open or opening WebSocket to a queen. */
export interface Connection {
  send(text: string): void;
  ping(): void;
  /** Bytes handed over that have not left yet. */
  bufferedBytes(): number;
  /** Closes in order; `closed` follows. */
  close(): void;
  /** Drops it at once; `closed` follows. */
  terminate(): void;
}

/** Why a connection did not come about or ended. */
export type Closed =
  /** The other side answered with plain HTTP instead of a WebSocket. */
  | { readonly kind: "refused"; readonly status: number }
  /** Something is there but does not speak WebSocket: it hung up or answered nonsense. */
  | { readonly kind: "not-websocket"; readonly message: string }
  /** Nothing answered. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** It stood and ended. */
  | { readonly kind: "ended"; readonly message: string };

export interface ConnectionEvents {
  readonly opened: (route: Route | undefined) => void;
  readonly message: (text: string) => void;
  readonly pong: () => void;
  /** The last event, exactly once. */
  readonly closed: (why: Closed) => void;
}

export type Connect = (url: string, headers: Readonly<Record<string, string>>, events: ConnectionEvents) => Connection;

/** What a POST got: the reply's status and body, or why there was none. */
export type Posted =
  | { readonly status: number; readonly text: string; readonly route: Route | undefined }
  | { readonly status: undefined; readonly message: string };

export type Post = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  limitMs: number,
) => Promise<Posted>;
