using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Benchmarks;

/// <summary>Linear layers of these sizes with sigmoids between them, and the rows of a batch.</summary>
internal sealed record Network(int Batch, params int[] Sizes)
{
    public const double LearningRate = 0.1;

    /// <summary>The networks whose training steps are timed.</summary>
    public static IReadOnlyList<Network> Compared { get; } =
    [
        new(8, 1, 1, 1), new(4, 2, 8, 1), new(32, 64, 32, 10), new(64, 784, 128, 10), new(128, 784, 512, 512, 10), new(256, 784, 2048, 2048, 10),
    ];

    /// <summary>Multiplications and additions in the products of a forward pass.</summary>
    public double ForwardFlops => 2.0 * Batch * Sizes.Skip(1).Zip(Sizes, (o, i) => (double)o * i).Sum();

    /// <summary>The same in a training step: three products a layer, but only two in the first, whose dL/dX nobody needs.</summary>
    public double StepFlops => 3 * ForwardFlops - 2.0 * Batch * Sizes[0] * Sizes[1];

    public override string ToString() => $"{string.Join('-', Sizes)}, {Batch}";

    /// <summary>Our model, with the same weights every time.</summary>
    public Sequential<T> NewModel<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(1);
        var model = new Sequential<T>();
        for (var i = 1; i < Sizes.Length; i++)
        {
            if (i > 1) model.Add(new Sigmoid<T>());
            model.Add(new Linear<T>(Sizes[i - 1], Sizes[i], generator: generator));
        }

        return model;
    }

    public Matrix<T> NewInput<T>() where T : unmanaged, IFloatingPointIeee754<T> => Data.Uniform<T>(Batch, Sizes[0], seed: 2);

    public Matrix<T> NewTarget<T>() where T : unmanaged, IFloatingPointIeee754<T> => Data.Uniform<T>(Batch, Sizes[^1], seed: 3);
}
