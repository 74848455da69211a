namespace AspireCdc.CdcProcessor.Status;

/// <summary>
/// A time in which nothing gets through, from the first fault until something has been written and acknowledged again: said once at its
/// begin and once at its end.
/// </summary>
internal sealed partial class Outage(TimeProvider time, ILogger<Outage> logger)
{
    private readonly Lock _lock = new();
    private long _began;
    private string? _reason;

    /// <summary>Takes a fault; true if it begins an outage, or gives it another reason.</summary>
    public bool Begin(string reason)
    {
        lock (_lock)
        {
            if (_reason is null)
                _began = time.GetTimestamp();
            var isNews = _reason != reason;
            _reason = reason;
            return isNews;
        }
    }

    /// <summary>Both sides have taken something.</summary>
    public void End()
    {
        lock (_lock)
        {
            if (_reason is null)
                return;
            LogOver(time.GetElapsedTime(_began).TotalSeconds, _reason);
            _reason = null;
        }
    }

    [LoggerMessage(EventId = 7, Level = LogLevel.Information,
        Message = "The pipeline goes on after {Seconds:0.0} s. It had stopped: {Reason}")]
    private partial void LogOver(double seconds, string reason);
}
