create table t(a integer primary key, b text); begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into t select i, 'row ' || i from n; commit; create index of_b on t(b);
update t set b = 'none' where a % 7 = 0; delete from t where a > 1500; vacuum;
insert into t(b) values ('one'); insert into t(b) values ('two');
select count(*), sum(a), min(b) from t;
