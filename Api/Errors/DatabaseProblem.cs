using Npgsql;

namespace AspireCdc.Api.Errors;

/// <summary>What PostgreSQL's errors mean to a client, as far as no field of a request is to blame.</summary>
internal static class DatabaseProblem
{
    /// <summary>The problem that the exception stands for; null if it is none of the database's.</summary>
    public static ProblemException? From(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is PostgresException postgres) return From(postgres);
            if (e is NpgsqlException or TimeoutException) return Unavailable("The database does not answer.");
        }
        return null;
    }

    private static ProblemException? From(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidCatalogName =>
            Unavailable("The database has no tables yet, or older ones: run init-db."),
        PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.LockNotAvailable =>
            Unavailable("Another request was writing the same rows."),
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification
            or PostgresErrorCodes.InsufficientPrivilege =>
            Unavailable("The database refuses this service."),
        // Connections (08), resources (53), operator's intervention such as a shutdown (57), the server's own failures (58).
        ['0', '8', ..] or ['5', '3' or '7' or '8', ..] => Unavailable("The database does not answer."),
        _ => null,
    };

    private static ProblemException Unavailable(string detail) => new(StatusCodes.Status503ServiceUnavailable, detail);
}
