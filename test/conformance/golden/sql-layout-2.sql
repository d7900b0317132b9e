CREATE TABLE dacapo_layout (part text primary key, version integer not null) strict, without rowid;
CREATE TABLE dacapo_logs (
      id integer primary key,
      name text not null unique,
      position integer not null,
      mark text,
      state text not null check (state in ('open', 'dropping', 'gone'))
    ) strict;
CREATE TABLE dacapo_records (
      log integer not null,
      last integer not null,
      first integer not null,
      mark text not null,
      commit_id text not null,
      actor text not null,
      streams text not null,
      text text not null,
      primary key (log, last),
      unique (log, commit_id)
    ) strict;
CREATE TABLE dacapo_stream_records (
      log integer not null,
      stream text not null,
      version integer not null,
      record integer not null,
      primary key (log, stream, version)
    ) strict, without rowid;
CREATE TABLE dacapo_outcomes (
      id integer primary key,
      log integer not null,
      commit_id text not null,
      actor text not null,
      received integer not null,
      text text not null,
      unique (log, commit_id, actor)
    ) strict;
CREATE INDEX dacapo_outcomes_by_age on dacapo_outcomes (log, received);
CREATE INDEX dacapo_outcomes_by_actor on dacapo_outcomes (log, actor, received);
CREATE TABLE dacapo_server (id text not null) strict;
INSERT INTO dacapo_layout (part, version) VALUES ('event-store', 2);
INSERT INTO dacapo_logs (id, name, position, mark, state) VALUES (1, 'team-7', 3, '5be0417d29cc83fa', 'open');
INSERT INTO dacapo_logs (id, name, position, mark, state) VALUES (2, 'team-6', 0, null, 'gone');
INSERT INTO dacapo_outcomes (id, log, commit_id, actor, received, text) VALUES (1, 1, '0199c0de-0000-7000-8000-000000000003', 'bob', 1760000000123, '{"id":"0199c0de-0000-7000-8000-000000000003","outcome":"rejected","command":0,"code":"no-such-task","message":"There is no such task"}');
INSERT INTO dacapo_records (log, last, first, mark, commit_id, actor, streams, text) VALUES (1, 2, 1, '9f1c2a7b03d4e586', '0199c0de-0000-7000-8000-000000000001', 'ann', '[["task/t1",1,2]]', '{"position":1,"mark":"9f1c2a7b03d4e586","commit":"0199c0de-0000-7000-8000-000000000001","client":"0199c0de-0000-7000-8000-0000000000aa","actor":"ann","time":1760000000000,"received":1760000000123,"meta":null,"events":[{"type":"TaskAdded","v":1,"stream":"task/t1","version":1,"data":{}},{"type":"TaskMoved","v":1,"stream":"task/t1","version":2,"data":{}}]}');
INSERT INTO dacapo_records (log, last, first, mark, commit_id, actor, streams, text) VALUES (1, 3, 3, '5be0417d29cc83fa', '0199c0de-0000-7000-8000-000000000002', 'ann', '[["task/t1",3,3]]', '{"position":3,"mark":"5be0417d29cc83fa","commit":"0199c0de-0000-7000-8000-000000000002","client":"0199c0de-0000-7000-8000-0000000000aa","actor":"ann","time":1760000000000,"received":1760000000123,"meta":null,"events":[{"type":"TaskMoved","v":1,"stream":"task/t1","version":3,"data":{}}]}');
INSERT INTO dacapo_server (id) VALUES ('6f2b8c31d04e97a5b1c2d3e4f5a60718');
INSERT INTO dacapo_stream_records (log, stream, version, record) VALUES (1, 'task/t1', 2, 2);
INSERT INTO dacapo_stream_records (log, stream, version, record) VALUES (1, 'task/t1', 3, 3);
