using System.Security.Cryptography;
using System.Text;
using AspireCdc.Api.Errors;
using AspireCdc.Shop;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Api.Resources;

/// <summary>
/// Carries a request out once per key. Key, row and answer are one transaction: a crash keeps all of them or none, and a second
/// request with the key waits for the first.
/// </summary>
internal sealed class IdempotencyStore(ShopContext context)
{
    private static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    public async Task<Representation> OnceAsync(
        string key, string path, RequestBody body, Func<Task<Representation>> act, CancellationToken cancellation)
    {
        if (key.Length is 0 or > IdempotencyKey.MaxLength || key.Contains('\0'))
            throw ProblemException.Invalid("Idempotency-Key", $"must have 1 to {IdempotencyKey.MaxLength} characters");
        var hash = SHA256.HashData([.. Encoding.UTF8.GetBytes(path), 0, .. body.Bytes]);

        await using var transaction = await context.Database.BeginTransactionAsync(cancellation);
        var isFirst = await context.Database.ExecuteSqlAsync(
            $"INSERT INTO idempotency_key (key, request_hash, response) VALUES ({key}, {hash}, '') ON CONFLICT DO NOTHING",
            cancellation) > 0;
        if (!isFirst)
        {
            var found = await FindAsync(key, hash, cancellation);
            await transaction.CommitAsync(cancellation); // Nothing, but a position behind the first request's.
            return found;
        }

        var answer = await act();
        await context.Database.ExecuteSqlAsync($"UPDATE idempotency_key SET response = {answer.Json} WHERE key = {key}", cancellation);
        await ForgetOldAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return answer;
    }

    private async Task<Representation> FindAsync(string key, byte[] hash, CancellationToken cancellation)
    {
        var first = await context.IdempotencyKeys.AsNoTracking().SingleAsync(stored => stored.Key == key, cancellation);
        return first.RequestHash.AsSpan().SequenceEqual(hash)
            ? new Representation(first.Response)
            : throw ProblemException.Invalid("Idempotency-Key", "has been used for another request");
    }

    /// <summary>A few at a time and none that another request is forgetting, so that nobody waits.</summary>
    private Task<int> ForgetOldAsync(CancellationToken cancellation) => context.Database.ExecuteSqlAsync($"""
        DELETE FROM idempotency_key WHERE key IN (
            SELECT key FROM idempotency_key WHERE created_at < now() - {Retention} ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED)
        """, cancellation);
}
