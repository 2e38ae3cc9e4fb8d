/* Loaded before a program: its system clock is as far off as the file says, in ms, and follows the file when that changes. */
const { readFileSync, watchFile } = require("node:fs");

const file = process.env.HIVE_TEST_SKEW_FILE;
let skewMs = 0;
const read = () => {
  skewMs = Number(readFileSync(file, "utf8"));
};
read();
watchFile(file, { interval: 50, persistent: false }, read);

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + skewMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + skewMs;
  }
};
