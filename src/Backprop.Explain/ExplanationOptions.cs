namespace Backprop.Explain;

/// <summary>How a network is explained.</summary>
public sealed record ExplanationOptions
{
    /// <summary>What it is called; by default what it is made of.</summary>
    public string? Title { get; init; }

    /// <summary>Whether it runs as in training: dropout draws, batch normalisation takes the batch's statistics. Afterwards all is as it was before.</summary>
    public bool Training { get; init; } = true;

    /// <summary>The learning rate of the step of gradient descent that is shown; null for none.</summary>
    public double? LearningRate { get; init; } = 0.1;
}
