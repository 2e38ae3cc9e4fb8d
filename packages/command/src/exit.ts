/** What the exit codes of every command mean. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Why a server cannot listen, as one line that names the flag to change; undefined when that was not the reason. */
export function cannotListen(
  error: unknown,
  at: { readonly listen: string; readonly port: number },
): string | undefined {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  // A folder may be refused with the same code as a port.
  if (syscall !== "listen" && syscall !== "getaddrinfo") return undefined;
  if (code === "EADDRINUSE") return `port ${at.port} is taken: choose another with --port`;
  return `cannot listen on ${at.listen}, port ${at.port} (${code}): choose others with --listen and --port`;
}
