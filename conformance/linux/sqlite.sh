# sqlite3: a table of 100,000 rows, an index, two writers, a rollback.
cd /tmp && rm -f s.db && sqlite3 s.db 'create table t(a integer primary key, b text); with recursive c(x) as (select 1 union all select x+1 from c where x<100000) insert into t select x, hex(x*7919) from c; create index i on t(b); select count(*), max(b) from t;'
for n in 1 2 3 4; do sqlite3 -cmd '.timeout 20000' s.db "begin immediate; insert into t(b) values('w$n'); commit;" & done; wait
sqlite3 s.db "select count(*) from t where b like 'w%'; begin; delete from t; rollback; select count(*) from t; pragma integrity_check; pragma journal_mode=wal; insert into t(b) values('wal'); select count(*) from t;"
