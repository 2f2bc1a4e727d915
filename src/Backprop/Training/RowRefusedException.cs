namespace Backprop;

/// <summary>A row that is not what it should be; the message goes on where "expects" ends.</summary>
internal sealed class RowRefusedException(string message) : Exception(message);
