set -e
cut -c1-3 numbers | tr 0-9 a-j | sort | uniq -c | sort -rn | head -5
seq 3000 | tac | tee all | tail -3 | paste -s -d+ -
nl notes | fold -w 20 | od -c | head -4
comm -12 notes tree/f1 | wc -l
