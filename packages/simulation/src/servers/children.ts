import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Children {
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts llama-server emulators as processes of their own, each with one of the models and on a free port, as Ollama and
 * llama-swap start theirs. They end with this process, however it ends.
 *
 * @throws {Error} when one ends before it listens; the others have been stopped then
 */
export async function startChildren(program: URL, options: { readonly models: readonly string[] }): Promise<Children> {
  const children = options.models.map((model) =>
    // Over the channel it hears when this process is gone.
    fork(program, ["--engine", "llama-server", "--models", model], { stdio: ["ignore", "pipe", "inherit", "ipc"] }),
  );
  const stop = async (): Promise<void> => void (await Promise.all(children.map(end)));
  try {
    return { urls: await Promise.all(children.map(addressOf)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("a child has no output");
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("a child ended before it listened");
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
