#!/usr/bin/env node
import { runAgent } from "@hive-registry/hive";

process.exit(await runAgent(process.argv));
