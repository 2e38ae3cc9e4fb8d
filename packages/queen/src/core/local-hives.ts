/** A hive that was started on this machine, or that ran already. */
export interface StartedHive {
  readonly hive_url: string;
  readonly port: number;
  readonly already_running: boolean;
}

/** What the queen asks of whoever starts and stops hives on its own machine. */
export interface LocalHives {
  /** Answers as soon as the process exists. Port 0 is any free one. */
  start(hiveId: string, port: number): Promise<StartedHive>;
  /** Ends it with its workers. False when it did not run. */
  stop(hiveId: string): Promise<boolean>;
  isRunning(hiveId: string): boolean;
  /** The end of what it printed, at most so many bytes. */
  log(hiveId: string, tailBytes: number): string;
}

/** Names of the machine the queen runs on. */
export const isThisMachine = (host: string, hostname: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || host === hostname || /^127\.\d+\.\d+\.\d+$/.test(host);
