-- Replaces: 001_landing, 002_companions, 003_star
-- Written by 'ClickHouseMigrator add'. Every statement may run twice, and none names a database.

-- customer_dim is made for the rows of customer; the processor copies them.
CREATE TABLE IF NOT EXISTS `customer_dim`
(
    `customer_id` Int64,
    `customer_name` String,
    `customer_email` String,
    `country` LowCardinality(String),
    `city` LowCardinality(String),
    `created_at` DateTime64(6, 'UTC'),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `customer_id`
SETTINGS index_granularity = 1024;

-- order_landing is made for the rows of order; the processor copies them.
CREATE TABLE IF NOT EXISTS `order_landing`
(
    `order_id` Int64,
    `customer_id` Int64,
    `order_date` DateTime64(6, 'UTC'),
    `status` LowCardinality(String),
    `total` Decimal(12, 2),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `order_id`
SETTINGS index_granularity = 1024;

-- orderitem_landing is made for the rows of orderitem; the processor copies them.
CREATE TABLE IF NOT EXISTS `orderitem_landing`
(
    `orderitem_id` Int64,
    `order_id` Int64,
    `product_id` Int64,
    `quantity` Int32,
    `price` Decimal(12, 2),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `orderitem_id`
SETTINGS index_granularity = 1024;

-- product_dim is made for the rows of product; the processor copies them.
CREATE TABLE IF NOT EXISTS `product_dim`
(
    `product_id` Int64,
    `product_name` String,
    `category` LowCardinality(String),
    `price` Decimal(12, 2),
    `created_at` DateTime64(6, 'UTC'),
    is_deleted UInt8,
    source_partition Int32,
    lsn UInt64,
    version UInt128,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `product_id`
SETTINGS index_granularity = 1024;

-- order_by_customer is made, which finds rows of order by customer_id.
CREATE TABLE IF NOT EXISTS `order_by_customer` (`customer_id` Int64, `order_id` Int64)
ENGINE = ReplacingMergeTree
ORDER BY (`customer_id`, `order_id`);

-- orderitem_by_order is made, which finds rows of orderitem by order_id.
CREATE TABLE IF NOT EXISTS `orderitem_by_order` (`order_id` Int64, `orderitem_id` Int64)
ENGINE = ReplacingMergeTree
ORDER BY (`order_id`, `orderitem_id`);

-- orderitem_by_product is made, which finds rows of orderitem by product_id.
CREATE TABLE IF NOT EXISTS `orderitem_by_product` (`product_id` Int64, `orderitem_id` Int64)
ENGINE = ReplacingMergeTree
ORDER BY (`product_id`, `orderitem_id`);

-- order_by_customer_view fills it with what lands in order_landing.
CREATE MATERIALIZED VIEW IF NOT EXISTS `order_by_customer_view` TO `order_by_customer` AS
SELECT `customer_id`, `order_id` FROM `order_landing` WHERE is_deleted = 0;

-- orderitem_by_order_view fills it with what lands in orderitem_landing.
CREATE MATERIALIZED VIEW IF NOT EXISTS `orderitem_by_order_view` TO `orderitem_by_order` AS
SELECT `order_id`, `orderitem_id` FROM `orderitem_landing` WHERE is_deleted = 0;

-- orderitem_by_product_view fills it with what lands in orderitem_landing.
CREATE MATERIALIZED VIEW IF NOT EXISTS `orderitem_by_product_view` TO `orderitem_by_product` AS
SELECT `product_id`, `orderitem_id` FROM `orderitem_landing` WHERE is_deleted = 0;

-- order_fact is made for the rows of order; the processor derives it.
CREATE TABLE IF NOT EXISTS `order_fact`
(
    `order_id` Int64,
    `order_date` DateTime64(6, 'UTC'),
    `status` LowCardinality(String),
    `total` Decimal(12, 2),
    `customer_id` Int64,
    `customer_name` String,
    `customer_email` String,
    `country` LowCardinality(String),
    `city` LowCardinality(String),
    is_deleted UInt8,
    lsn UInt64,
    version UInt256,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `order_id`
COMMENT '938c8666a5f99abe';

-- orderitem_fact is made for the rows of orderitem; the processor derives it.
CREATE TABLE IF NOT EXISTS `orderitem_fact`
(
    `orderitem_id` Int64,
    `order_id` Int64,
    `order_date` DateTime64(6, 'UTC'),
    `status` LowCardinality(String),
    `customer_id` Int64,
    `country` LowCardinality(String),
    `city` LowCardinality(String),
    `product_id` Int64,
    `product_name` String,
    `category` LowCardinality(String),
    `quantity` Int32,
    `price` Decimal(12, 2),
    `revenue` Decimal(38, 2),
    is_deleted UInt8,
    lsn UInt64,
    version UInt256,
    lsn_text String ALIAS concat(replaceRegexpOne(hex(intDiv(lsn, 4294967296)), '^0(.)', '\\1'), '/', replaceRegexpOne(hex(bitAnd(lsn, 4294967295)), '^0(.)', '\\1'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY `orderitem_id`
COMMENT 'c49ab5e1f8ac2c09';
