using static AspireCdc.CdcProcessor.Mapping.ColumnMapping;

namespace AspireCdc.CdcProcessor.Mapping;

/// <summary>What this system replicates. A table more is an entry more, here and nowhere else in the engine.</summary>
internal static class ShopModel
{
    private static readonly ColumnType Money = ColumnType.Decimal(12, 2);

    public static Model Instance { get; } = new(
        Tables:
        [
            new("customer", "customer_dim",
                Key("id", "customer_id", ColumnType.Int64),
                new("name", "customer_name", ColumnType.String),
                new("email", "customer_email", ColumnType.String),
                new("country", "country", ColumnType.Category),
                new("city", "city", ColumnType.Category),
                new("created_at", "created_at", ColumnType.Timestamp)),
            new("product", "product_dim",
                Key("id", "product_id", ColumnType.Int64),
                new("name", "product_name", ColumnType.String),
                new("category", "category", ColumnType.Category),
                new("price", "price", Money),
                new("created_at", "created_at", ColumnType.Timestamp)),
            new("order", "order_landing",
                Key("id", "order_id", ColumnType.Int64),
                new("customer_id", "customer_id", ColumnType.Int64),
                new("order_date", "order_date", ColumnType.Timestamp),
                new("status", "status", ColumnType.Category),
                new("total", "total", Money)),
            new("orderitem", "orderitem_landing",
                Key("id", "orderitem_id", ColumnType.Int64),
                new("order_id", "order_id", ColumnType.Int64),
                new("product_id", "product_id", ColumnType.Int64),
                new("quantity", "quantity", ColumnType.Int32),
                new("price", "price", Money)),
        ],
        Facts:
        [
            new("order_fact", Root: "order",
                Parents: [new("customer", Child: "order", Via: "customer_id", Companion: "order_by_customer")],
                Columns:
                [
                    new("order_id", "`order`.order_id"),
                    new("order_date", "`order`.order_date"),
                    new("status", "`order`.status"),
                    new("total", "`order`.total"),
                    new("customer_id", "`order`.customer_id"),
                    new("customer_name", "customer.customer_name"),
                    new("customer_email", "customer.customer_email"),
                    new("country", "customer.country"),
                    new("city", "customer.city"),
                ]),
            new("orderitem_fact", Root: "orderitem",
                Parents:
                [
                    new("order", Child: "orderitem", Via: "order_id", Companion: "orderitem_by_order"),
                    new("product", Child: "orderitem", Via: "product_id", Companion: "orderitem_by_product"),
                    new("customer", Child: "order", Via: "customer_id", Companion: "order_by_customer"),
                ],
                Columns:
                [
                    new("orderitem_id", "orderitem.orderitem_id"),
                    new("order_id", "orderitem.order_id"),
                    new("order_date", "`order`.order_date"),
                    new("status", "`order`.status"),
                    new("customer_id", "`order`.customer_id"),
                    new("country", "customer.country"),
                    new("city", "customer.city"),
                    new("product_id", "orderitem.product_id"),
                    new("product_name", "product.product_name"),
                    new("category", "product.category"),
                    new("quantity", "orderitem.quantity"),
                    new("price", "orderitem.price"),
                    new("revenue", "CAST(orderitem.price, 'Decimal(38, 2)') * orderitem.quantity"),
                ]),
        ]);
}
