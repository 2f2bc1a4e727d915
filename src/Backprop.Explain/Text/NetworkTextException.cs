namespace Backprop.Explain;

/// <summary>A text is no network: what was expected, what came, and where.</summary>
public sealed class NetworkTextException : FormatException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was expected and what came.</param>
    /// <param name="position">Where in the text, from 0.</param>
    /// <param name="innerException">The refusal of a layer or loss, where it was one.</param>
    public NetworkTextException(string message, int position, Exception? innerException = null) : base(message, innerException) => Position = position;

    /// <summary>Where in the text, from 0; its length where something is missing at the end.</summary>
    public int Position { get; }
}
