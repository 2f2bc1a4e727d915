using System.Runtime.InteropServices;
using CsCheck;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>Random cases: the same ones in every run, so that a red suite stays red until it is mended.</summary>
/// <remarks>
/// Set <c>CsCheck_Seed</c> or <c>CsCheck_Iter</c> to explore others: then CsCheck draws them, shrinks a failure, and prints the seed that reproduces it.
/// </remarks>
internal static class Any
{
    /// <summary>Sizes that reach every edge of the kernels for small matrices.</summary>
    public static readonly Gen<int> Size = Gen.Int[1, 12];

    /// <summary>Rows, columns and a seed for the values.</summary>
    public static readonly Gen<(int Rows, int Columns, int Seed)> Shape = Gen.Select(Size, Size, Gen.Int[0, int.MaxValue - 1]);

    /// <summary>Rows, input columns, output columns and a seed for the values.</summary>
    public static readonly Gen<(int Rows, int In, int Out, int Seed)> Shapes = Gen.Select(Size, Size, Size, Gen.Int[0, int.MaxValue - 1]);

    /// <summary>Runs an action for many cases, and says which one failed.</summary>
    public static void ForAll<TCase>(this Gen<TCase> cases, Action<TCase> check, int count = 200)
    {
        if (Environment.GetEnvironmentVariable("CsCheck_Seed") is not null || Environment.GetEnvironmentVariable("CsCheck_Iter") is not null)
        {
            cases.Sample(check, threads: 1);
            return;
        }

        for (var i = 0; i < count; i++)
        {
            var value = cases.Generate(new PCG(1, (ulong)i), null, out _);
            try
            {
                Ask(() => check(value));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Case {i} of {count}, {value}: {exception.Message}", exception);
            }
        }
    }

    /// <summary>
    /// Runs what asks PyTorch, and asks again where the oracle was lost: TorchSharp 0.107 hands libtorch numbers, such as the 1 in a + 1 b and each rate of its optimizers, that nothing holds, so that the
    /// garbage collector may free one while libtorch reads it. A busy machine has lost it twice in a row; ten times in a row is another fault.
    /// </summary>
    private static void Ask(Action check)
    {
        for (var left = 9; ; left--)
        {
            try
            {
                check();
                return;
            }
            catch (ExternalException exception) when (left > 0 && exception.Message.Contains("Scalar.h", StringComparison.Ordinal))
            {
            }
        }
    }

    /// <summary>A matrix with entries of both signs, uniform in ±scale, at least 1e-3 away from multiples of 1/2, where kinks are.</summary>
    public static Matrix<T> Matrix<T>(int rows, int columns, int seed, double scale = 1) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        return MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.Dense(rows, columns, (_, _) =>
        {
            var value = (2 * random.NextDouble() - 1) * scale;
            var fromKink = value * 2 - Math.Round(value * 2);
            return T.CreateSaturating(Math.Abs(fromKink) < 2e-3 ? value + 2e-3 : value);
        });
    }

    /// <summary>A vector with entries of both signs, uniform in ±scale.</summary>
    public static Vector<T> Vector<T>(int count, int seed, double scale = 1) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> =>
        Matrix<T>(count, 1, seed, scale).Column(0);
}
