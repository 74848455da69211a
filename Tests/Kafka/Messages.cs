using System.Text.Json.Nodes;

namespace AspireCdc.Tests.Kafka;

/// <summary>Change messages for tests.</summary>
internal static class Messages
{
    public static (string Key, string Value) Customer(long id, string city, string operation = "insert") =>
        Row("customer", operation, id, new()
        {
            ["email"] = $"c{id}@x.org",
            ["name"] = $"Customer {id}",
            ["country"] = "CH",
            ["city"] = city,
            ["created_at"] = "2026-01-02T03:04:05Z",
        });

    public static (string Key, string Value) Product(long id, string name, string operation = "insert") =>
        Row("product", operation, id, new()
        {
            ["name"] = name,
            ["category"] = "Tools",
            ["price"] = "1.50",
            ["created_at"] = "2026-01-02T03:04:05Z",
        });

    public static (string Key, string Value) Order(long id, long customer, string status, string operation = "insert") =>
        Row("order", operation, id, new()
        {
            ["customer_id"] = customer,
            ["order_date"] = "2026-01-02T03:04:05Z",
            ["status"] = status,
            ["total"] = "10.00",
        });

    public static (string Key, string Value) Item(long id, long order, long product, int quantity, string operation = "insert") =>
        Row("orderitem", operation, id, new()
        {
            ["order_id"] = order,
            ["product_id"] = product,
            ["quantity"] = quantity,
            ["price"] = "2.50",
        });

    public static (string Key, string Value) Delete(string table, long id) => Row(table, "delete", id, []);

    public static string Mark(string table, string operation, long? began = null)
    {
        var metadata = new JsonObject { ["table"] = table, ["operation"] = operation };
        if (began is { } offset)
            metadata["began"] = offset;
        return new JsonObject { ["metadata"] = metadata, ["payload"] = null }.ToJsonString();
    }

    public static (string Key, string Value) Row(string table, string operation, long id, JsonObject columns)
    {
        var metadata = new JsonObject { ["table"] = table, ["operation"] = operation };
        if (operation != "read")
            metadata["lsn"] = "00000000/01A2B3C4";
        columns["id"] = id;
        return ($"{table}:{id}", new JsonObject { ["metadata"] = metadata, ["payload"] = columns }.ToJsonString());
    }

    public static (string Key, string Value) Before(this (string Key, string Value) message, string row)
    {
        var json = JsonNode.Parse(message.Value)!;
        json["metadata"]!["before"] = JsonNode.Parse(row);
        return (message.Key, json.ToJsonString());
    }

    public static (string Key, string Value) Without(this (string Key, string Value) message, string column)
    {
        var json = JsonNode.Parse(message.Value)!;
        json["payload"]!.AsObject().Remove(column);
        return (message.Key, json.ToJsonString());
    }
}
