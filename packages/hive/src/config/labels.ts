/** What the operator calls this machine's kind and place by: `zone = "eu"`. */
import { type Reader, SettingError, textList } from "@hive-registry/command";
import { compile, LABELS_MAX, LabelsSchema, LabelTextSchema, labelsOf } from "@hive-registry/contract";

export type Labels = Readonly<Record<string, string>>;

const labelText = compile(LabelTextSchema);
const labelTable = compile(LabelsSchema);

const HOW =
  "KEY=VALUE: a key of letters, digits, . _ / -, at most 63 and first a letter or digit; a value of at most 256 characters";

/**
 * A table in hive.toml; texts `KEY=VALUE` from flags, each of them one label, so that a value may hold commas; one text with
 * commas from the environment. Of a key that stands twice the last counts.
 */
export const labels: Reader<Labels> = (value, key) => {
  const called = key === "--labels" ? "--label" : key;
  const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
  const table: unknown = isTable ? value : labelsOf(textsIn(value, called));
  if (Object.keys(table as object).length > LABELS_MAX)
    throw new SettingError(`${called}: at most ${LABELS_MAX} labels`);
  if (labelTable.check(table)) return table;
  throw new SettingError(`${called} must hold labels, ${HOW}`);
};

function textsIn(value: unknown, called: string): string[] {
  const texts = Array.isArray(value) ? value : textList(value, called);
  const wrong = texts.find((text) => !labelText.check(text));
  if (wrong !== undefined) throw new SettingError(`${called} must be ${HOW}; not ${String(wrong).slice(0, 100)}`);
  return texts;
}
