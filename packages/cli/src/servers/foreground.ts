import { spawn } from "node:child_process";

/** What ends a server that runs in the foreground. */
const PASSED_ON: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/**
 * Runs a server as if it were this process: its output is ours, our signals are its. In a group of its own, so that Ctrl-C
 * reaches it once, through us, and not a second time from the terminal.
 *
 * @returns its exit code; 1 when a signal ended it.
 */
export function runInForeground(command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: "inherit", detached: true, env });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of PASSED_ON) process.on(signal, passOn);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      for (const signal of PASSED_ON) process.off(signal, passOn);
      resolve(code ?? 1);
    });
  });
}
