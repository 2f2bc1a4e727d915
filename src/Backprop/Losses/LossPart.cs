using System.Globalization;
using System.Numerics;

namespace Backprop;

/// <summary>A loss of some columns, with a weight: a part of a <see cref="CombinedLoss{T}"/>.</summary>
/// <example><code>var part = new LossPart&lt;double&gt;("kind", new CrossEntropyLoss&lt;double&gt;(), prediction: 0..3, target: 0..1, weight: 0.5);</code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class LossPart<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a part.</summary>
    /// <param name="name">Its name, as messages and metrics have it.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="prediction">The columns of the prediction that it is given: <c>0..3</c> are the first three.</param>
    /// <param name="target">The columns of the target that it is given.</param>
    /// <param name="weight">What the loss is multiplied by, finite.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The name is empty, or a range holds no column.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The weight is not finite.</exception>
    public LossPart(string name, Loss<T> loss, Range prediction, Range target, double weight = 1)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(loss);
        var owner = $"LossPart({name})";
        (Name, Loss, Weight) = (name, loss, Expect.Finite(owner, weight));
        (Prediction, Target) = (ColumnRange.NotEmpty(owner, prediction, nameof(prediction)), ColumnRange.NotEmpty(owner, target, nameof(target)));
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The loss.</summary>
    public Loss<T> Loss { get; }

    /// <summary>The columns of the prediction that it is given.</summary>
    public Range Prediction { get; }

    /// <summary>The columns of the target that it is given.</summary>
    public Range Target { get; }

    /// <summary>What the loss is multiplied by.</summary>
    public double Weight { get; }

    /// <summary>In words: <c>kind: 0.5 CrossEntropyLoss()</c>.</summary>
    public override string ToString() => Weight == 1 ? $"{Name}: {Loss}" : string.Create(CultureInfo.InvariantCulture, $"{Name}: {Weight} {Loss}");
}
