import { afterEach } from "vitest";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";

/** Machines of their own for the tests of a file: each ends after its test, with all that was started there. */
export function machines(): {
  aMachine(options?: SshdOptions): Promise<Sshd>;
  /** Called after the test, before its machines end. */
  afterwards(end: () => unknown): void;
} {
  const sshds: Sshd[] = [];
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    for (const one of sshds.splice(0)) await one.stop();
  });
  return {
    aMachine: async (options) => {
      const sshd = await startSshd(options);
      sshds.push(sshd);
      return sshd;
    },
    afterwards: (end) => {
      ends.push(end);
    },
  };
}
