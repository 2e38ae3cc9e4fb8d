// Puts and removes records in the catalog named on the command line until it is killed, and says on stdout what is done:
// "+ID" after each put, "-ID" after each remove. Node itself runs it, so it imports what was built.
import { writeSync } from "node:fs";
import { openCatalog } from "../../../dist/catalog/index.js";

const [path, round] = process.argv.slice(2);
const catalog = openCatalog({ kind: "sqlite", path });
for (let i = 0; ; i++) {
  const id = `round-${round}.${i}`;
  catalog.put(id, { host: `host-${id}`, port: 1 + (i % 65_535), labels: { id, note: "x".repeat(i % 200) } }, i);
  writeSync(1, `+${id}\n`);
  if (i % 3 === 2) {
    const gone = `round-${round}.${i - 1}`;
    catalog.remove(gone);
    writeSync(1, `-${gone}\n`);
  }
}
