using System.Globalization;
using System.Text.Json.Nodes;
using AspireCdc.Api.Analytics;
using Microsoft.OpenApi;

namespace AspireCdc.Api.OpenApi;

/// <summary>Parameters and headers of the endpoints that ask ClickHouse.</summary>
internal static class AnalyticsOperations
{
    public static void Describe(OpenApiOperation operation)
    {
        operation.Parameters ??= [];
        foreach (var parameter in operation.Parameters.OfType<OpenApiParameter>())
        {
            if (parameter.Name == "limit")
            {
                parameter.Schema = new OpenApiSchema
                {
                    Type = JsonSchemaType.Integer,
                    Minimum = "1",
                    Maximum = Selection.MaxLimit.ToString(CultureInfo.InvariantCulture),
                    Default = JsonValue.Create(Selection.DefaultLimit),
                };
            }
        }
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = ReadYourWrites.MinLsn,
            In = ParameterLocation.Header,
            Description =
                $"A write's {Resources.CommitPosition.Header}: the answer waits, {AppliedPosition.Patience.TotalSeconds:0} s at most, " +
                "until ClickHouse has that write.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$" },
        });
        if (operation.Responses?["200"] is OpenApiResponse answer)
        {
            Operations.AddHeader(answer, ReadYourWrites.AppliedLsn,
                "The answer has all that was committed before this position in PostgreSQL's WAL.");
            Operations.AddHeader(answer, ReadYourWrites.Age,
                "Seconds since that position was recorded: the answer is not older. While nothing is written it grows.");
            Operations.AddHeader(answer, ReadYourWrites.Timing,
                "Milliseconds that the position and ClickHouse's query took, and how many rows that read.");
        }
    }
}
