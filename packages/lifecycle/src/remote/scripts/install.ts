import { PLACES } from "./places.ts";

/**
 * What is there of a version, after what an earlier copy left unfinished was swept away. `$1`: the version, `$2`: its file's SHA-256, `$3`: the
 * path of the Node that is to run it, empty when none is there.
 */
export const LOOK: string = `${PLACES}
# Folders that have to be made, the innermost first, so that uninstalling leaves none of them.
made=
for one in "$data" "$config" "$state"; do
  while [ ! -d "$one" ] && [ -n "$one" ]; do made="$made$one
"; one=\${one%/*}; done
done
mkdir -p "$data" "$config" "$state" || exit 1
[ -z "$made" ] || printf %s "$made" >>"$data/.made" || exit 1
for left in "$data"/.new-*; do [ -d "$left" ] && rm -rf "$left"; done
file=$data/$1/hive.mjs
if [ -f "$file" ] && [ "$(sum_of "$file")" = "$2" ]; then say file whole; fi
if [ -n "$3" ] && [ "$(readlink "$data/$1/node")" = "$3" ]; then say node linked; fi
say data "$data"
# The engine of this version, and of the one that runs.
for one in "$1" current; do say engine "$(readlink "$data/$one/node_modules")"; done
`;

/**
 * Takes a file from stdin. It gets its name only when it is whole, so a copy that breaks off replaces nothing. `$1`: its name below the data
 * folder, `$2`: its SHA-256, `$3`: its mode, `$4`: a name for this attempt, `$5`: how it is tried before it counts, if at all.
 */
export const TAKE_FILE: string = `${PLACES}
new=$data/.new-$4
mkdir -p "$new" || exit 1
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$new/file" || exit 1
[ "$(sum_of "$new/file")" = "$2" ] || { echo 'what arrived is not what was sent' >&2; exit 1; }
chmod "$3" "$new/file" && { sync "$new/file" 2>/dev/null || :; }
if [ -n "$5" ]; then "$new/file" "$5" >/dev/null || exit 3; fi
mkdir -p "$data/\${1%/*}" && mv -f "$new/file" "$data/$1" || exit 1
sync "$data/\${1%/*}" 2>/dev/null || :
`;

/** Names the Node of a version, and writes down what is its own there. `$1`: the version, `$2`: the Node, `$3`: the file's SHA-256. */
export const LINK_NODE: string = `${PLACES}
new=$data/.new-$1
mkdir -p "$new" || exit 1
trap 'rm -rf "$new"' EXIT
ln -sf "$2" "$new/node" && mv -f "$new/node" "$data/$1/node" || exit 1
printf '%s  hive.mjs\\n' "$3" >"$new/SHA256SUMS" && mv -f "$new/SHA256SUMS" "$data/$1/SHA256SUMS"
`;
