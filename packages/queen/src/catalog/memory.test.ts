import { describe } from "vitest";
import { MemoryCatalog } from "./memory.ts";
import { catalogSuite } from "./testing/catalog-suite.ts";

describe("the catalog in memory", () => catalogSuite((options) => new MemoryCatalog(options)));
