namespace Backprop;

/// <summary>What the first rank alone has done, and failed in, as an exception on the others: whoever catches one kind there catches it here.</summary>
internal static class Failures
{
    private static readonly Dictionary<string, Func<string, Exception>> Kinds = new()
    {
        [nameof(DirectoryNotFoundException)] = message => new DirectoryNotFoundException(message),
        [nameof(FileNotFoundException)] = message => new FileNotFoundException(message),
        [nameof(IOException)] = message => new IOException(message),
        [nameof(UnauthorizedAccessException)] = message => new UnauthorizedAccessException(message),
        [nameof(InvalidDataException)] = message => new InvalidDataException(message),
        [nameof(ArgumentException)] = message => new ArgumentException(message),
        [nameof(NotSupportedException)] = message => new NotSupportedException(message),
        [nameof(OperationCanceledException)] = message => new OperationCanceledException(message),
        [nameof(ArithmeticException)] = message => new ArithmeticException(message),
    };

    /// <summary>Its kind, the nearest that is known, and what it says.</summary>
    internal static string Describe(Exception exception)
    {
        var kind = exception.GetType();
        while (kind is not null && !Kinds.ContainsKey(kind.Name)) kind = kind.BaseType;
        return $"{kind?.Name}\0{TextOf(exception, full: false)}";
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
