set -u; n=0
for i in 1 2 3; do n=$((n + i)); echo "$i" | cat; done | sort -r | tee sorted
(cd tree && pwd -P | wc -c > ../where); cat < notes >> count
echo "sum of $(wc -l < notes) lines"; false | true; echo "${PIPESTATUS[@]}"
exec 5<notes; read -u 5 x; echo "$x"; cat <<< here; diff <(echo a) <(echo b)
mapfile -t lines < numbers; echo "${#lines[@]}"; compgen -G 'tree/*' | wc -l; exit 9
