#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";
import { runQueen } from "./run-queen.ts";

// While hives connect, the objects of their requests live on, and V8 learns to make all such objects old from the start. Those of
// every request after that are then garbage that only a full collection takes, with all that hangs on them: where a thousand hives
// had connected, each collection of the young took six times as long.
setFlagsFromString("--no-allocation-site-pretenuring");

process.exit(await runQueen(process.argv));
