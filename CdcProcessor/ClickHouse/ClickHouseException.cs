namespace AspireCdc.CdcProcessor.ClickHouse;

/// <summary>ClickHouse refused a statement.</summary>
internal sealed class ClickHouseException(int code, string message) : Exception(message)
{
    /// <summary>ClickHouse's error code; 0 where the answer had none.</summary>
    public int Code { get; } = code;
}
