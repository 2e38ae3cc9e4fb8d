// Adds one to the number in a file, ROUNDS times, each time reading and writing it under a lock; then dies holding the lock.
import { readFileSync, writeFileSync } from "node:fs";
import { takeLock } from "../../dist/lock.js";

const [lock, file, rounds] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round++) {
  const release = await takeLock(lock, { waitMs: 60_000 });
  const before = Number(readFileSync(file, "utf8"));
  await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(file, String(before + 1));
  if (round === Number(rounds) - 1) process.kill(process.pid, "SIGKILL");
  release();
}
