namespace Backprop;

/// <summary>What the first rank alone has done, and failed in, as an exception on the others: of the same kind, or of the nearest that is known here.</summary>
internal static class Failures
{
    private static readonly Dictionary<string, Func<string, Exception>> Kinds = new()
    {
        [typeof(DirectoryNotFoundException).FullName!] = message => new DirectoryNotFoundException(message),
        [typeof(FileNotFoundException).FullName!] = message => new FileNotFoundException(message),
        [typeof(IOException).FullName!] = message => new IOException(message),
        [typeof(UnauthorizedAccessException).FullName!] = message => new UnauthorizedAccessException(message),
        [typeof(InvalidDataException).FullName!] = message => new InvalidDataException(message),
        [typeof(ArgumentNullException).FullName!] = message => new ArgumentNullException(null, message),
        [typeof(ArgumentOutOfRangeException).FullName!] = message => new ArgumentOutOfRangeException(null, message),
        [typeof(NotFiniteNumberException).FullName!] = message => new NotFiniteNumberException(message),
        [typeof(TimeoutException).FullName!] = message => new TimeoutException(message),
        [typeof(ArgumentException).FullName!] = message => new ArgumentException(message),
        [typeof(NotSupportedException).FullName!] = message => new NotSupportedException(message),
        [typeof(OperationCanceledException).FullName!] = message => new OperationCanceledException(message),
        [typeof(ArithmeticException).FullName!] = message => new ArithmeticException(message),
    };

    /// <summary>Its kind, the nearest that is known, and what it says.</summary>
    internal static string Describe(Exception exception)
    {
        var kind = exception.GetType();
        while (kind is not null && !Kinds.ContainsKey(kind.FullName!)) kind = kind.BaseType;
        return $"{kind?.FullName}\0{TextOf(exception, full: false)}";
    }

    /// <summary>What it says of itself, if it can: an exception may throw, too.</summary>
    internal static string TextOf(Exception exception, bool full)
    {
        try
        {
            return full ? exception.ToString() : exception.Message;
        }
#pragma warning disable CA1031 // It is told as well as it can be.
        catch (Exception another)
#pragma warning restore CA1031
        {
            return $"{exception.GetType()}, whose text cannot be had ({another.GetType().Name})";
        }
    }

    /// <summary>The exception of a description; an <see cref="InvalidOperationException"/> where its kind is none of the known.</summary>
    internal static Exception Of(string description, Func<string, string> message)
    {
        var end = description.IndexOf('\0', StringComparison.Ordinal);
        var text = message(description[(end + 1)..]);
        return Kinds.TryGetValue(description[..end], out var make) ? make(text) : new InvalidOperationException(text);
    }
}
