# Coreutils over 10,000 files.
cd /tmp && rm -rf cu && mkdir cu && cd cu
for d in $(seq 100); do mkdir "d$d"; done
seq 10000 | split -l 100 -d -a 2 - part
for d in $(seq 100); do p=part$(printf %02d $((d - 1))); (cd "d$d" && split -l 1 -d -a 3 "../$p" f); done
find . -type f -name 'f*' | wc -l
find . -name 'f*' -print0 | xargs -0 cat | sort -n | tail -1
cat d*/f* | awk '{ s += $1 } END { print s }'
find . -type f -name 'f*' -exec sha256sum {} + | sort -k2 | sha256sum
cp -a . ../cu2
diff -r . ../cu2 && echo same
find . -name 'f*5' | xargs rm
find . -type f -name 'f*' | wc -l
ls -lR | grep -c '^-'
du -s --apparent-size d1 | cut -f2
for f in d1/*; do mv "$f" "$f.moved"; done
ls d1 | head -2
find d2 -type f | xargs chmod 600
stat -c %a d2/f000 d2
ln -s ../d3 d4/link && ls d4/link/ | wc -l
ln d5/f000 d5/hard && stat -c %h d5/hard
touch -d '2020-01-01 00:00:00 UTC' d6/f000 && stat -c %Y d6/f000
tar cf ../cu.tar . && mkdir ../cu3 && tar xf ../cu.tar -C ../cu3 && diff -r . ../cu3 && echo untarred
comm -12 <(ls d7) <(ls d8) | wc -l
paste -sd+ part00 | bc 2>/dev/null || paste -sd, part00 | cut -c1-10
head -c 1000000 /dev/zero | md5sum
dd if=/dev/urandom of=random bs=4096 count=100 2>/dev/null && wc -c < random
sort -R part01 | sort -n | cmp - part01 && echo sorted
cd /tmp && rm -rf cu cu2 cu3 cu.tar && ls -d cu* 2>/dev/null | wc -l
