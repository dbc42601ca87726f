# git: init, commit, branches, merge, log, clone, fsck, gc.
export HOME=/tmp/githome GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
rm -rf /tmp/githome /tmp/gr /tmp/gc && mkdir /tmp/githome /tmp/gr && cd /tmp/gr
git config --global user.email a@example.org; git config --global user.name A; git config --global init.defaultBranch main
git config --global protocol.file.allow always
git init -q . && for i in $(seq 200); do echo "$i" > "f$i"; done && git add . && git commit -qm first && git rev-parse HEAD
git checkout -qb side && echo side > s && git add s && git commit -qm side && git checkout -q main && echo main > m && git add m && git commit -qm main
git merge -q --no-edit side && git log --oneline --graph --format=%s && git diff --stat HEAD~1 | tail -1
cd /tmp && git clone -q gr gc && cd gc && git log --oneline | wc -l && git fsck --no-progress && git gc -q && git status -s | wc -l
echo changed > f1 && git diff | tail -1 && git stash -q && git stash pop -q && git status -s && git blame -s f2 | cut -c10-
git grep -c '^1$' | wc -l; git archive HEAD | tar t | wc -l
