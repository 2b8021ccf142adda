# Subshells, pipes, jobs, traps, substitutions: forks of a shell that goes on working.
count=0
for i in {1..25}; do
	count=$((count + $(echo "$i" | wc -l)))
done
echo "pipes: $count"
for i in 1 2 3 4; do (exit "$i") & done
wait
echo "jobs: $?"
trap 'echo "trapped: USR1"' USR1
kill -USR1 $$
diff <(printf 'a\nb\n') <(printf 'a\nb\n') && echo "substitutions: same"
coproc cat
echo "through a coprocess" >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
exec {COPROC[1]}>&-
wait
f() { local n=$1; ((n == 0)) || f $((n - 1)); }
f 100
printf '%s\n' {1..500} >numbers
sum=0
while read -r n; do sum=$((sum + n)); done <numbers
echo "sum: $sum"
ls /proc/self/fd | wc -l
read -r text <note
echo "note: $text"
exit 7
