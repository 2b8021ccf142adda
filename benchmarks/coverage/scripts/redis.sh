redis-server --port 0 --unixsocket "$PWD/socket" --save '' --dir "$PWD" > server.log &
until redis-cli -s socket ping 2>/dev/null | grep -q PONG; do sleep 0.1; done
for i in 1 2 3; do redis-cli -s socket incr counter; done
redis-cli -s socket set key "$(cat notes)"; redis-cli -s socket --raw get key
redis-cli -s socket lpush list a b c; redis-cli -s socket sort list alpha
redis-cli -s socket save; test -s dump.rdb && echo saved; rm dump.rdb
redis-cli -s socket shutdown nosave; wait
