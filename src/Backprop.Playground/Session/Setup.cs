namespace Backprop.Playground;

/// <summary>What a session starts from, and an address says.</summary>
internal sealed record Setup
{
    /// <summary>The notebook's: one hidden node, one output node, 8 points on y = x, weights -0.1, biases 0, gradient descent with 0.1.</summary>
    public static readonly Setup Notebook = new() { Start = [new("hidden.weight", 0, 0, -0.1), new("hidden.bias", 0, 0, 0), new("output.weight", 0, 0, -0.1), new("output.bias", 0, 0, 0)] };

    public string Network { get; init; } = "1-1-1 sigmoid mse";

    /// <summary>The data set, or "points" for points that somebody made.</summary>
    public string Data { get; init; } = "line";

    /// <summary>The points that somebody made; null for a data set's.</summary>
    public Points? Points { get; init; }

    public long Seed { get; init; }

    public OptimizerSettings Optimizer { get; init; } = new();

    /// <summary>The entries of parameters that are other ones than the seed gives.</summary>
    public IReadOnlyList<StartEntry> Start { get; init; } = [];
}
