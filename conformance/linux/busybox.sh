# busybox: its own shell and applets.
mkdir -p /tmp/bb && cd /tmp/bb && echo hello | tr a-z A-Z && seq 5 | awk '{ s += $1 } END { print s }'
for i in 1 2 3; do (exit $i); echo $?; done; f() { echo "in $1"; }; f function
echo one > a; cp a b; mv b c; cat a c | md5sum; ls; sleep 0 & wait; trap 'echo t' USR1; kill -USR1 $$
tar cf x.tar a c && tar tf x.tar; gzip -c x.tar | gunzip | cmp - x.tar && echo same; find . -name '?' | sort; sed 's/o/0/' a; cd / && rm -r /tmp/bb
