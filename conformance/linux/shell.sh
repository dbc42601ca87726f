#!/bin/bash
# A script of the kind that builds and installs things: functions, arrays, pipes, here documents, traps, substitutions.
set -u
work=$(mktemp -d /tmp/shell.XXXXXX)
cd "$work" || exit 1
trap 'echo "leaving"; rm -rf "$work"' EXIT
section() {
    echo "== $*"
}

section arithmetic
a=7
b=3
echo $((a + b)) $((a * b)) $((a / b)) $((a % b)) $((a ** b))
echo $((0x1f)) $((8#17)) $((2#1011))
((a++, b--))
echo "$a $b"
for ((i = 0; i < 5; i++)); do
    printf '%d ' "$i"
done
echo
let 'c = a << 3'
echo "$c"

section strings
s="The quick brown fox"
echo "${#s}" "${s:4:5}" "${s#The }" "${s% fox}" "${s/quick/slow}"
echo "${s^^}" "${s,,}"
path=/usr/local/lib/libx.so.1.2
echo "${path##*/}" "${path%/*}" "${path%%.*}"
unset nothing
echo "${nothing:-default}" "${nothing-}" "${s:+set}"
printf '%-10s|%5d|%05.1f|%x\n' left 42 3.14159 255
printf '%q\n' "it's a \"test\""
[[ $s =~ ([a-z]+)\ ([a-z]+) ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"

section arrays
list=(one two "three four" five)
echo "${#list[@]}" "${list[2]}" "${list[@]:1:2}"
list+=(six)
unset 'list[1]'
for item in "${list[@]}"; do
    echo "<$item>"
done
declare -A map=([apple]=red [banana]=yellow)
map[cherry]=dark
for key in $(printf '%s\n' "${!map[@]}" | sort); do
    echo "$key ${map[$key]}"
done
mapfile -t lines < <(seq 3)
echo "${lines[*]}"

section functions
factorial() {
    local n=$1
    if ((n <= 1)); then
        echo 1
    else
        echo $((n * $(factorial $((n - 1)))))
    fi
}
factorial 6
fails() {
    return 42
}
fails
echo "status $?"
nested() {
    local x=inner
    show_x
}
show_x() {
    echo "${x:-unset}"
}
x=outer
nested
show_x

section pipes
seq 1 100 | grep 7 | sort -rn | head -3
echo "a b c" | while read -r first rest; do
    echo "$first/$rest"
done
false | true
echo "pipe status ${PIPESTATUS[*]}"
set -o pipefail
false | true
echo "pipefail $?"
set +o pipefail
yes | head -2
tee copy < <(echo through) | tr a-z A-Z
cat copy
diff <(seq 3) <(seq 4) | tail -1
{ echo out; echo err >&2; } 2>&1 | sort

section redirection
echo first > file
echo second >> file
cat < file
exec 3> third
echo "to three" >&3
exec 3>&-
cat third
cat << END
here $a document
END
cat << 'END'
here $a quoted
END
tr a-z A-Z <<< "here string"
ls missing 2> /dev/null
echo "status $?"
cat nowhere 2>&1 | sed 's/.*: //'
exec 4<> both
echo hello >&4
cat both
exec 4>&-

section tests
touch empty
ln -s file link
mkdir -p deep/er/est
[ -s file ] && echo "file has contents"
[ -s empty ] || echo "empty has none"
[ -L link ] && echo "link"
[ -d deep/er ] && echo "folder"
[ file -nt /etc/passwd ] && echo "newer"
[[ abc < abd && 10 -gt 9 ]] && echo "order"
test -x /bin/sh && echo "runs"
case $(uname -s) in
    Linux | GNU*) echo "known system" ;;
    *) echo "other system" ;;
esac
chmod 640 file
stat -c '%a %s %F' file

section globs
touch a1 a2 b1 .hidden 'with space'
echo a? [ab]1 *space
shopt -s nullglob extglob
echo nothing* x
echo !(a*|b*|file|link|deep|empty|copy|third|both)
shopt -u nullglob
echo {a..e} {1..9..3} x{y,z}

section jobs
sleep 0.05 &
first=$!
(exit 9) &
second=$!
wait "$second"
echo "second $?"
wait "$first"
echo "first $?"
for n in 3 1 2; do
    (sleep "0.0$n"; echo "done $n") &
done | sort
wait
coproc UP { tr a-z A-Z; }
echo coprocess >&"${UP[1]}"
exec {UP[1]}>&-
cat <&"${UP[0]}"
wait

section signals
trap 'echo "usr1"' USR1
kill -USR1 $$
trap - USR1
bash -c 'kill -TERM $$'
echo "killed $?"
bash -c 'trap "exit 5" TERM; kill -TERM $$; sleep 1'
echo "trapped $?"
timeout 0.1 sleep 5
echo "timeout $?"
( trap 'echo inner exit' EXIT )

section options
parse() {
    local OPTIND opt
    while getopts 'ab:c' opt; do
        case $opt in
            a) echo "a" ;;
            b) echo "b=$OPTARG" ;;
            *) echo "other" ;;
        esac
    done
    shift $((OPTIND - 1))
    echo "rest $*"
}
parse -a -b value left over

section evaluation
name=dynamic
declare "$name=42"
echo "$dynamic" "${!name}"
eval 'echo "evaluated $((1 + 1))"'
readonly fixed=1
(fixed=2) 2> /dev/null || echo "fixed"
echo "$BASHPID" | grep -qv "^$$\$" || echo "same process"
echo $(( $(wc -l < /etc/passwd) > 5 ))
