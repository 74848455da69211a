using Microsoft.AspNetCore.Mvc;

namespace AspireCdc.CdcProcessor.Verification;

/// <summary>
/// The comparison with PostgreSQL, under <c>/operations/verify</c>: POST begins one, GET tells of the one that runs or of the last.
/// </summary>
internal static class VerificationEndpoints
{
    /// <summary>How long a request waits for news.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static void MapVerification(this IEndpointRouteBuilder operations)
    {
        operations.MapPost("/verify", ([FromQuery] string[] table, bool? repair, Verifier verifier) =>
        {
            verifier.Begin(table, repair == true);
            return "Comparing with PostgreSQL, beside the stream.";
        });
        operations.MapGet("/verify", WaitAsync);
    }

    /// <summary>At once, or, with what the asker knows already, as soon as there is more.</summary>
    private static async Task<VerificationReport> WaitAsync(
        long? rows, int? tables, VerificationState state, TimeProvider time, CancellationToken cancellation)
    {
        if (rows is null)
            return state.Report;
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            return await state.WaitAsync(rows.Value, tables ?? 0, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return state.Report;
        }
    }
}
