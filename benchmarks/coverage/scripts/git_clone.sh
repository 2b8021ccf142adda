set -e
git init -q -b main from; cp -r tree from; cd from; git add -A; git commit -q -m first
cd ..; git clone -q from to; cd to; git -c pack.threads=1 gc -q; git fsck --no-progress
git log --oneline | wc -l
