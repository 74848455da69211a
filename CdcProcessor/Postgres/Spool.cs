using System.Buffers.Binary;
using AspireCdc.CdcProcessor.Changes;

namespace AspireCdc.CdcProcessor.Postgres;

/// <summary>
/// The messages of one transaction that is still open, in their order: in memory while they are few, and else in a file that nobody else
/// can open and that goes with the process. What a subtransaction has brought stays told apart, since it may be rolled back alone.
/// The file is written and read synchronously. On Linux an asynchronous call only does the same on another thread, and its tasks would
/// still refer to a large message when <see cref="LargeRowMemory"/> collects, so that its array could not be freed.
/// </summary>
internal sealed class Spool : IDisposable
{
    /// <summary>More than this goes to the file; also what is read of it at once.</summary>
    private const int InMemory = 256 * 1024;

    /// <summary>Length of the message, LSN of its record, subtransaction.</summary>
    private const int Header = 4 + 8 + 4;

    private readonly HashSet<uint> _rolledBack = [];
    private byte[] _buffer = new byte[4096];
    private int _used;
    private FileStream? _file;

    /// <summary>Keeps a message.</summary>
    /// <param name="lsn">The LSN of its record.</param>
    /// <param name="subtransaction">The transaction or subtransaction that wrote it.</param>
    /// <param name="kind">Which message it is.</param>
    /// <param name="content">What it says after that; used until this returns only.</param>
    /// <exception cref="SpoolException">The file cannot be written.</exception>
    public void Add(ulong lsn, uint subtransaction, byte kind, ReadOnlySpan<byte> content)
    {
        var length = Header + 1 + content.Length;
        if (_used + length > InMemory)
            Flush();
        var room = Math.Min(length, InMemory);
        if (_used + room > _buffer.Length)
            Array.Resize(ref _buffer, Math.Min(InMemory, Math.Max(_used + room, 2 * _buffer.Length)));
        AddHeader(lsn, subtransaction, kind, content.Length);
        if (length > InMemory)
        {
            Flush();
            Write(content);
            return;
        }
        content.CopyTo(_buffer.AsSpan(_used));
        _used += content.Length;
    }

    /// <summary>What a subtransaction has brought is to be left out.</summary>
    public void RollBack(uint subtransaction) => _rolledBack.Add(subtransaction);

    /// <summary>What has not been rolled back; each message is good until the next. Nothing can be added any more.</summary>
    /// <exception cref="SpoolException">The file cannot be read.</exception>
    public IEnumerable<(ulong Lsn, ReadOnlyMemory<byte> Message)> Read(CancellationToken cancellationToken)
    {
        if (_file is not null)
        {
            Flush();
            _file.Position = 0;
        }
        var (start, end) = (0, _used);
        while (true)
        {
            while (end - start >= Header && LengthAt(start) is var length && end - start >= length)
            {
                var lsn = BinaryPrimitives.ReadUInt64LittleEndian(_buffer.AsSpan(start + 4));
                if (!_rolledBack.Contains(BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(start + 12))))
                    yield return (lsn, _buffer.AsMemory(start + Header, length - Header));
                start += length;
            }
            if (_file is null)
                yield break;

            cancellationToken.ThrowIfCancellationRequested();
            MakeRoom(ref start, ref end);
            var read = ReadFile(end);
            if (read == 0)
                yield break;
            end += read;
        }
    }

    public void Dispose() => _file?.Dispose();

    private void AddHeader(ulong lsn, uint subtransaction, byte kind, int length)
    {
        var header = _buffer.AsSpan(_used);
        BinaryPrimitives.WriteInt32LittleEndian(header, Header + 1 + length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[4..], lsn);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], subtransaction);
        header[Header] = kind;
        _used += Header + 1;
    }

    private int LengthAt(int place) => BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(place));

    /// <summary>What a large message took is given back after it.</summary>
    private void MakeRoom(ref int start, ref int end)
    {
        var rest = end - start;
        var wanted = Math.Max(InMemory, rest >= Header ? LengthAt(start) : 0);
        // The array in which it came from the server is garbage by now, and would be there as well until somebody looks.
        if (wanted > BatchPool<byte>.LargestArray)
            LargeRowMemory.Collect();
        var buffer = wanted == _buffer.Length ? _buffer : new byte[wanted];
        _buffer.AsSpan(start, rest).CopyTo(buffer);
        (_buffer, start, end) = (buffer, 0, rest);
    }

    private void Flush()
    {
        Write(_buffer.AsSpan(0, _used));
        _used = 0;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            (_file ??= CreateFile()).Write(bytes);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            throw Failed(e);
        }
    }

    /// <summary>As much as comes at once behind what the buffer has; 0 at the end.</summary>
    private int ReadFile(int end)
    {
        try
        {
            return _file!.Read(_buffer.AsSpan(end));
        }
        catch (Exception e) when (IsOfFile(e))
        {
            throw Failed(e);
        }
    }

    private static bool IsOfFile(Exception e) => e is IOException or UnauthorizedAccessException;

    private static SpoolException Failed(Exception e) => new(
        $"A transaction that is still open could not be kept in {Path.GetTempPath()}: {e.Message.TrimEnd('.')}. PostgreSQL keeps such " +
        "transactions until they end now, for as long as this program runs; TMPDIR names another folder.", e);

    /// <summary>Rows stand in it: only this user may open it, and after a kill nothing of it is left.</summary>
    private static FileStream CreateFile()
    {
        var path = Path.Combine(Path.GetTempPath(), "aspirecdc-" + Guid.NewGuid().ToString("N"));
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Delete,
            BufferSize = 0,
            Options = FileOptions.DeleteOnClose,
        };
        if (OperatingSystem.IsWindows())
            return new FileStream(path, options);

        options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(path, options);
        File.Delete(path);
        return file;
    }
}

/// <summary>What an open transaction has brought could not be kept.</summary>
internal sealed class SpoolException(string message, Exception cause) : Exception(message, cause);
