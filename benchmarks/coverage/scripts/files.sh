set -e
mkdir -p made/deep; touch -d @1000 made/one; mv made/one made/two
ln -s ../two made/deep/soft; ln made/two made/hard; readlink -f made/deep/soft | wc -c
chmod 600 made/two; stat -c '%a %h %s' made/two; truncate -s 5000 made/two
cp -a made again; rm -r made; ls -A again; test -s again/two && echo there
mktemp -u tmp.XXXXXX | wc -c; realpath --relative-to=. again/deep; basename "$PWD"
