import { describe } from "vitest";
import { catalogFiles } from "./testing/catalog-files.ts";
import { catalogSuite } from "./testing/catalog-suite.ts";

describe("the catalog in an SQLite file", () => {
  const files = catalogFiles();
  catalogSuite((options) => files.open(files.path(), options));
});
