-- Replaces: 004_bookkeeping
-- What has been applied: the source that fills these tables, how far it was read, which tables were copied.

CREATE TABLE IF NOT EXISTS cdc_progress
(
    kind LowCardinality(String) COMMENT 'source, position (of a partition), copy (of a table), pause or reset',
    name String COMMENT 'the partition or the table',
    state String,
    position UInt64,
    updated_at DateTime64(6, 'UTC'),
    version UInt64,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(position, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(position, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, name);

-- Changes that could not be applied, kept whole until they are retried, dropped or overtaken; then the row's contents go.

CREATE TABLE IF NOT EXISTS cdc_dead_letter
(
    source_table LowCardinality(String),
    key String COMMENT 'the values of the key, separated by commas',
    operation LowCardinality(String),
    raw String COMMENT 'the change message as JSON, or the bytes as they came',
    reason String,
    state LowCardinality(String) COMMENT 'open, or what became of it',
    source_partition Int32,
    lsn UInt64,
    change_version UInt128 COMMENT 'the landing version of the change: a retry uses it',
    updated_at DateTime64(6, 'UTC'),
    revision UInt8 COMMENT '0 while open, so that a replay does not open it again',
    id String ALIAS lower(hex(sipHash64(source_table, key, change_version, source_partition))),
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (source_table, key, change_version, source_partition);
