#!/usr/bin/env node
import { runAgent } from "./run-agent.ts";

process.exit(await runAgent(process.argv));
