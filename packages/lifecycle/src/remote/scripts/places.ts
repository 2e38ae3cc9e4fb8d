/**
 * Where things are on a machine, and what every script there does alike. POSIX sh, for dash, bash, busybox and the shell of macOS.
 *
 * `say KEY VALUE` prints a line that is read by {@link readLines}; `hive VERSION WORD …` runs the program of a version.
 */
export const PLACES: string = `
set -u
LC_ALL=C; export LC_ALL
umask 077
cd "$HOME" 2>/dev/null || cd /
place() { case "$1" in /*) printf %s "$1/hive" ;; *) printf %s "$HOME/$2/hive" ;; esac; }
data=$(place "\${XDG_DATA_HOME:-}" .local/share)
config=$(place "\${XDG_CONFIG_HOME:-}" .config)
state=$(place "\${XDG_STATE_HOME:-}" .local/state)
say() { printf '%s=%s\\n' "$1" "$2"; }
hive() { of=$1; shift; by=$data/$of/node; [ -x "$by" ] || by=node; "$by" "$data/$of/hive.mjs" "$@"; }
version_of() { readlink "$data/$1" 2>/dev/null || :; }
sum_of() {
  if command -v sha256sum >/dev/null; then sha256sum <"$1"
  elif command -v shasum >/dev/null; then shasum -a 256 <"$1"
  else openssl dgst -sha256 -r <"$1"
  fi | cut -d ' ' -f 1
}
`;

/** What a script said by `say`: the values of each key in their order. */
export function readLines(text: string): ReadonlyMap<string, readonly string[]> {
  const said = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, key, value] = /^([a-z_]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const values = said.get(key);
    if (values === undefined) said.set(key, [value.trim()]);
    else values.push(value.trim());
  }
  return said;
}
