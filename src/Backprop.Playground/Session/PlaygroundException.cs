namespace Backprop.Playground;

/// <summary>Something that cannot be done, and is said to whoever wanted it.</summary>
internal sealed class PlaygroundException(string message) : Exception(message);
