#!/usr/bin/env node
import { runQueen } from "./run-queen.ts";

process.exit(await runQueen(process.argv));
