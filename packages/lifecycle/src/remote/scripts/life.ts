import { PLACES } from "./places.ts";

/** `turn LINK VERSION …`: lets links name versions, each in one step. Renaming over a link to a folder is beyond a portable `mv`. */
const TURN = `
turn() {
  by=$data/$2/node
  while [ $# -ge 2 ]; do
    rm -f "$data/.turn-$1" && ln -s "$2" "$data/.turn-$1" || return 1
    "$by" -e 'process.getBuiltinModule("fs").renameSync(process.argv[1], process.argv[2])' "$data/.turn-$1" "$data/$1" || return 1
    shift 2
  done
}
word() { of=$1 name=$2; answer=$(hive "$of" "$name") || { say failed "$name"; say error "$answer"; exit 1; }; say "$name" "$answer"; }
`;

/**
 * Starts a version with the settings that come on stdin. `$1`: the version.
 *
 * The program itself leaves alone what runs so already, and ends what runs otherwise. Settings are written before the links change: who
 * manages the hive is asked first.
 */
export const START: string = `${PLACES}${TURN}
new=$1
[ -f "$data/$new/hive.mjs" ] || { echo 'that version is not installed' >&2; exit 1; }
old=$(version_of current)
word "$new" configure
if [ -z "$old" ]; then turn current "$new"
elif [ "$old" != "$new" ]; then turn current "$new" previous "$old"
fi || exit 1
word current start
kept=" $new $(version_of previous) "
for left in "$data"/*/SHA256SUMS; do
  one=\${left%/SHA256SUMS}; one=\${one##*/}
  case "$kept" in *" $one "*) continue ;; esac
  [ -L "$data/$one" ] && continue
  [ -f "$data/$one/hive.mjs" ] || continue
  rm -f "$data/$one/hive.mjs" "$data/$one/SHA256SUMS" "$data/$one/node" "$data/$one/node_modules"; rmdir "$data/$one" 2>/dev/null
done
used=" $(for one in "$data"/*/node_modules; do readlink "$one"; done | tr '\\n' ' ') "
for left in "$data"/engines/*/SHA256SUMS; do
  one=\${left%/SHA256SUMS}; [ -f "$left" ] || continue
  case "$used" in *" ../engines/\${one##*/}/node_modules "*) ;; *) rm -rf "$one" ;; esac
done
say version "$new"
`;

/** Puts the version before the current one in its place and starts it. */
export const ROLL_BACK: string = `${PLACES}${TURN}
good=$(version_of previous)
[ -n "$good" ] && [ -f "$data/$good/hive.mjs" ] || { echo 'there is no version before this one' >&2; exit 1; }
turn current "$good" || exit 1
rm -f "$data/previous"
word current start
say version "$good"
`;

/** Runs one word of the current program. `$1`: the word, and on: its arguments. Exits 4 where nothing is installed. */
export const WORD: string = `${PLACES}
[ -x "$data/current/node" ] || exit 4
name=$1
answer=$(hive current "$@") || { say failed "$name"; say error "$answer"; exit 1; }
say "$name" "$answer"
say version "$(version_of current)"
`;

/** `check` of a version that is not the current one. `$1`: the version. */
export const CHECK: string = `${PLACES}
answer=$(hive "$1" check) || { say failed check; say error "$answer"; exit 1; }
say check "$answer"
`;
