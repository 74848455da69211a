-- Which rows point to a parent, in the parent's order: a change of one customer finds its orders without reading all orders.
-- A pair that is no longer true costs a derivation that changes nothing; a pair is never missing.

CREATE TABLE IF NOT EXISTS order_by_customer (customer_id Int64, order_id Int64)
ENGINE = ReplacingMergeTree
ORDER BY (customer_id, order_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS order_by_customer_view TO order_by_customer AS
SELECT customer_id, order_id FROM order_landing WHERE is_deleted = 0;

CREATE TABLE IF NOT EXISTS orderitem_by_order (order_id Int64, orderitem_id Int64)
ENGINE = ReplacingMergeTree
ORDER BY (order_id, orderitem_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS orderitem_by_order_view TO orderitem_by_order AS
SELECT order_id, orderitem_id FROM orderitem_landing WHERE is_deleted = 0;

CREATE TABLE IF NOT EXISTS orderitem_by_product (product_id Int64, orderitem_id Int64)
ENGINE = ReplacingMergeTree
ORDER BY (product_id, orderitem_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS orderitem_by_product_view TO orderitem_by_product AS
SELECT product_id, orderitem_id FROM orderitem_landing WHERE is_deleted = 0;
