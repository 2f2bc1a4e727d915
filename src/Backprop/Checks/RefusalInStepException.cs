namespace Backprop.Checks;

/// <summary>What a layer refused, with the layer's path in the network before it.</summary>
internal sealed class RefusalInStepException : ArgumentException
{
    private readonly string _path;

    private RefusalInStepException(string path, ArgumentException refusal) : base(refusal.Message, refusal) => (_path, ParamName) = (path, refusal.ParamName);

    /// <inheritdoc/>
    public override string? ParamName { get; }

    /// <inheritdoc/>
    public override string Message => _path.Length == 0 ? InnerException!.Message : $"{_path}: {InnerException!.Message}";

    /// <summary>The refusal with names before it, and before those that it has already.</summary>
    internal static RefusalInStepException In(string path, ArgumentException refusal) => refusal is RefusalInStepException { InnerException: ArgumentException first } inner
        ? new($"{path}.{inner._path}", first)
        : refusal.Message.StartsWith($"{path}: ", StringComparison.Ordinal) ? new("", refusal) : new(path, refusal);
}
