/** Bounds of the gateway. Times in ms, sizes in bytes. */
export interface GatewayLimits {
  /** Of one request. It is held until the first byte of its answer, so that another worker can have it too. */
  readonly bodyBytesMax: number;
  /** Of all requests together that are held. */
  readonly bodiesBytesMax: number;
  /** Workers that one request is sent to, one after the other, before it is given up. */
  readonly triesMax: number;
  /** How long a request waits in all for workers that are busy. */
  readonly queueWaitMs: number;
  readonly connectMs: number;
  /** From the request to the first byte of the answer. Long: a model may have to be loaded, a prompt to be read. */
  readonly firstByteMs: number;
  /** Longest silence between two pieces of an answer, and longest time that a client takes nothing of it. */
  readonly idleMs: number;
  /** A client that waits for a stream hears something this often. Until the first time its answer's status is open. */
  readonly keepAliveMs: number;
  /** Whether another worker is asked after any status from 500 on, not only after 502, 503 and 504. */
  readonly failover5xx: boolean;
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  bodyBytesMax: 32 * 1_024 * 1_024,
  bodiesBytesMax: 1_024 * 1_024 * 1_024,
  triesMax: 3,
  queueWaitMs: 30_000,
  connectMs: 2_000,
  firstByteMs: 600_000,
  idleMs: 120_000,
  keepAliveMs: 15_000,
  failover5xx: false,
};
