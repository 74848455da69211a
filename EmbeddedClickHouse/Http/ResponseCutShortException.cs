namespace AspireCdc.EmbeddedClickHouse.Http;

/// <summary>Thrown out of a request whose response has begun and cannot be ended rightly: the web server
/// then closes the connection.</summary>
internal sealed class ResponseCutShortException()
    : Exception("The query failed after rows had been sent; the response ends with the error.");
