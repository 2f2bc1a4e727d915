namespace Backprop;

/// <summary>A gradient check failed; the message says where and how.</summary>
public sealed class GradientCheckException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public GradientCheckException() { }

    /// <summary>Makes an exception with a message.</summary>
    /// <param name="message">What is wrong.</param>
    public GradientCheckException(string message) : base(message) { }

    /// <summary>Makes an exception with a message and a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public GradientCheckException(string message, Exception innerException) : base(message, innerException) { }
}
