set -e
git init -q -b main; git add -A; git commit -q -m first; echo more >> notes
git status --short; git diff --stat; git commit -q -a -m second
git log --oneline --stat; git checkout -q -b side HEAD~1; git merge-base main side
