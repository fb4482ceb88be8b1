#!/bin/sh
# Counts the instructions of lvs-sched's operations under callgrind and compares them with benches/sched-gate.txt.
#
#   benches/sched-gate.sh            fails if an operation takes over 3 % more instructions than is committed
#   benches/sched-gate.sh --update   writes the counts anew
#
# Needs valgrind. Counts do not depend on how busy the machine is; they do depend a little on the compiler.
set -eu
cd "$(dirname "$0")"
iterations=2000
cargo build --quiet --release -p lvs-benches --bin sched_gate
gate=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/sched_gate
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
"$gate" | while read -r case; do
    collected=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*counted*' \
        "$gate" "$case" "$iterations" 2>&1 | sed -n 's/.*Collected : //p')
    echo "$case $((collected / iterations))"
done > "$counts"
if [ "${1:-}" = --update ]; then
    cp "$counts" sched-gate.txt
    cat sched-gate.txt
    exit
fi
awk '
    NR == FNR { expected[$1 " " $2 " " $3] = $4; next }
    {
        case = $1 " " $2 " " $3
        seen[case] = 1
        verdict = "ok"
        if (!(case in expected)) { verdict = "NEW"; failed = 1 }
        else if ($4 > expected[case] * 1.03 + 1) { verdict = "MORE"; failed = 1 }
        else if ($4 < expected[case] * 0.97 - 1) verdict = "less: --update keeps it"
        printf "%-20s %6d %6d  %s\n", case, $4, expected[case], verdict
    }
    END {
        for (case in expected) if (!(case in seen)) { print case " is gone"; failed = 1 }
        exit failed
    }
' sched-gate.txt "$counts"
