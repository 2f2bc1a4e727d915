namespace Backprop;

/// <summary>A row that could not be read, and what its reader threw.</summary>
internal sealed class RowUnreadableException(string message, Exception inner) : Exception(message, inner);
