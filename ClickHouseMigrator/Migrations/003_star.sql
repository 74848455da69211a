-- The star: what readers ask. Derived from the landing tables, row by key; a fact whose parts are not all there is a tombstone.

CREATE TABLE IF NOT EXISTS order_fact
(
    order_id Int64,
    order_date DateTime64(6, 'UTC'),
    status LowCardinality(String),
    total Decimal(12, 2),
    customer_id Int64,
    customer_name String,
    customer_email String,
    country LowCardinality(String),
    city LowCardinality(String),
    is_deleted UInt8,
    lsn UInt64,
    version UInt256,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY order_id;

CREATE TABLE IF NOT EXISTS orderitem_fact
(
    orderitem_id Int64,
    order_id Int64,
    order_date DateTime64(6, 'UTC'),
    status LowCardinality(String),
    customer_id Int64,
    country LowCardinality(String),
    city LowCardinality(String),
    product_id Int64,
    product_name String,
    category LowCardinality(String),
    quantity Int32,
    price Decimal(12, 2),
    revenue Decimal(38, 2),
    is_deleted UInt8,
    lsn UInt64,
    version UInt256,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY orderitem_id;
