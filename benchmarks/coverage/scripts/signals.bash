trap 'echo trapped' TERM; kill -TERM $$; trap 'echo usr1' USR1
(kill -USR1 $$); sleep 0.02 & wait $!; echo "waited $?"
sleep 20 & kill -KILL $!; wait $!; echo "killed $?"
cat no-such-file 2>/dev/null || echo none; trap 'echo bye' EXIT; exit 4
