namespace Backprop.Torch;

/// <summary>How far two numbers may lie apart: |ours - theirs| ≤ <see cref="Absolute"/> + <see cref="Relative"/> |theirs|.</summary>
/// <param name="Absolute">What is allowed whatever the size of the numbers.</param>
/// <param name="Relative">What is allowed for each unit of the other side's magnitude.</param>
public readonly record struct Tolerance(double Absolute, double Relative)
{
    /// <summary>What every gradient of this library is held to: 1e-12 + 1e-10 |theirs| in double, 1e-6 + 1e-5 |theirs| in float.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    public static Tolerance Of<T>() =>
        TensorConversion.ScalarTypeOf<T>() == TorchSharp.torch.ScalarType.Float64 ? new(1e-12, 1e-10) : new(1e-6, 1e-5);

    /// <summary>The allowed difference from one number.</summary>
    public double Around(double theirs) => Absolute + (Relative * Math.Abs(theirs));

    /// <summary>As the condition reads: "1e-12 + 1e-10 |theirs|".</summary>
    public override string ToString() => FormattableString.Invariant($"{Absolute:0.###e-0} + {Relative:0.###e-0} |theirs|");
}
