CREATE TABLE dacapo_layout (part text primary key, version integer not null) strict, without rowid;

CREATE TABLE dacapo_logs (
      id integer primary key,
      name text not null unique,
      state text not null check (state in ('open', 'dropping', 'gone'))
    ) strict;

CREATE TABLE dacapo_outcomes (
      id integer primary key,
      log integer not null,
      commit_id text not null,
      actor text not null,
      received integer not null,
      text text not null,
      unique (log, commit_id, actor)
    ) strict;

CREATE INDEX dacapo_outcomes_by_actor on dacapo_outcomes (log, actor, received);

CREATE INDEX dacapo_outcomes_by_age on dacapo_outcomes (log, received);

CREATE TABLE dacapo_records (
      id integer primary key,
      log integer as (id / 100000000000) virtual,
      last integer as (id % 100000000000) virtual,
      first integer not null,
      mark text not null,
      commit_id text not null,
      actor text not null,
      streams text not null,
      text text not null
    ) strict;

CREATE UNIQUE INDEX dacapo_records_by_commit on dacapo_records (log, commit_id);

CREATE TABLE dacapo_server (id text not null) strict;

CREATE TABLE dacapo_stream_records (
      log integer not null,
      stream text not null,
      version integer not null,
      record integer not null,
      primary key (log, stream, version)
    ) strict, without rowid;
