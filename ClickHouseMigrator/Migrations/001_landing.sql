-- The rows of PostgreSQL, one landing table a source table; dimensions are landing tables too.
-- A row's newest version counts. Deleted rows stay as tombstones, so that what comes late or twice loses to them: never OPTIMIZE ... CLEANUP.
-- Granules are small, because what reads most is a lookup of a few keys.

CREATE TABLE IF NOT EXISTS customer_dim
(
    customer_id Int64,
    customer_name String,
    customer_email String,
    country LowCardinality(String),
    city LowCardinality(String),
    created_at DateTime64(6, 'UTC'),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY customer_id
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS product_dim
(
    product_id Int64,
    product_name String,
    category LowCardinality(String),
    price Decimal(12, 2),
    created_at DateTime64(6, 'UTC'),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY product_id
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS order_landing
(
    order_id Int64,
    customer_id Int64,
    order_date DateTime64(6, 'UTC'),
    status LowCardinality(String),
    total Decimal(12, 2),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY order_id
SETTINGS index_granularity = 1024;

CREATE TABLE IF NOT EXISTS orderitem_landing
(
    orderitem_id Int64,
    order_id Int64,
    product_id Int64,
    quantity Int32,
    price Decimal(12, 2),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY orderitem_id
SETTINGS index_granularity = 1024;
