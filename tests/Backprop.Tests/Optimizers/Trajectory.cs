using System.Globalization;
using System.Numerics;
using Backprop.Torch;
using CsCheck;
using FluentAssertions;
using TorchSharp;

namespace Backprop.Tests;

/// <summary>Moves parameters by an optimizer of ours and by PyTorch's, step by step, and compares.</summary>
internal static class Trajectory
{
    public const int Steps = 25;

    public static readonly Gen<double> LearningRate = Gen.OneOf(Gen.Const(0.0), Gen.Double[1e-4, 0.05]);
    public static readonly Gen<double> WeightDecay = Gen.OneOf(Gen.Const(0.0), Gen.Double[0.001, 0.5]);
    public static readonly Gen<double> Momentum = Gen.OneOf(Gen.Const(0.0), Gen.Double[0.01, 0.95]);

    /// <summary>Rows and columns of a weight, whose bias has as many values as it has rows: fewer and more than a vector has lanes.</summary>
    public static readonly Gen<(int Rows, int Columns, int Seed)> Shape = Gen.Select(Gen.Int[1, 20], Gen.Int[1, 6], Gen.Int[0, 1_000_000]);

    /// <summary>
    /// Compares a weight and a bias after each of 25 steps along random gradients. A parameter that is frozen in a step has no gradient in PyTorch; <c>keep</c> is what PyTorch's
    /// values are multiplied by before a step.
    /// </summary>
    public static void Compare<T>(
        string subject, (int Rows, int Columns, int Seed) shape, Func<Parameter<T>[], Optimizer<T>> make,
        Func<TorchSharp.Modules.Parameter[], TorchSharp.Modules.OptimizerHelper> makeTwin, Tolerance? tolerance = null,
        Func<int, int, bool>? isFrozen = null, double keep = 1) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var scope = torch.NewDisposeScope();
        var parameters = Parameters<T>(shape);
        TorchSharp.Modules.Parameter[] twins = [.. parameters.Select(parameter => new TorchSharp.Modules.Parameter(Tensor(parameter, parameter.Values)))];
        var (optimizer, twin) = (make(parameters), makeTwin(twins));
        for (var step = 1; step <= Steps; step++)
        {
            SetGradients(parameters, shape.Seed + step);
            for (var i = 0; i < twins.Length; i++)
            {
                parameters[i].Frozen = isFrozen?.Invoke(step, i) ?? false;
                twins[i].grad = parameters[i].Frozen ? null : Tensor(parameters[i], parameters[i].Gradients);
                if (keep == 1 || parameters[i].Frozen) continue;
                using var noGradient = torch.no_grad();
                using Scalar factor = keep;
                twins[i].mul_(factor);
            }

            optimizer.Step();
            twin.step();
            for (var i = 0; i < twins.Length; i++) Proof.Compare<T>(subject, $"{parameters[i].Name}, each of {Steps} steps", parameters[i].Values, parameters[i].Shape, twins[i], tolerance);
        }
    }

    /// <summary>Compares with the lines of optimizers.txt; see the script beside it.</summary>
    public static void CompareWithFixtures<T>(string name, Func<Parameter<T>[], Func<string, double, double>, Optimizer<T>> make) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var lines = Fixture.Lines("optimizers").Where(line => line[0] == name && line[1] == Fixture.TypeName<T>()).ToArray();
        lines.Should().NotBeEmpty();
        foreach (var line in lines)
        {
            var options = line[2].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(option => option.Split('='))
                .ToDictionary(option => option[0], option => double.Parse(option[1], CultureInfo.InvariantCulture));
            var parameter = new VectorParameter<T>("p", 3);
            double[] start = [1, -0.5, 0.25];
            for (var i = 0; i < 3; i++) parameter.Values[i] = T.CreateChecked(start[i]);
            var optimizer = make([parameter], (option, otherwise) => options.Remove(option, out var value) ? value : otherwise);
            options.Should().BeEmpty("each of PyTorch's options has its counterpart");

            var expected = new Queue<T>(Fixture.Values<T>(line[3]));
            for (var t = 1; t <= 30; t++)
            {
                for (var i = 0; i < 3; i++) parameter.Gradients[i] = T.CreateChecked(((7 * t + 3 * i) % 11 - 5) / 8.0);
                optimizer.Step();
                if (t is not (1 or 2 or 3 or 10 or 20 or 30)) continue;
                T[] values = [expected.Dequeue(), expected.Dequeue(), expected.Dequeue()];
                Proof.Compare<T>(name, "PyTorch 1.13's own, 30 steps", parameter.Values, [3], Tensor(parameter, values));
            }
        }
    }

    public static Parameter<T>[] Parameters<T>((int Rows, int Columns, int Seed) shape) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (weight, bias) = (new MatrixParameter<T>("weight", shape.Rows, shape.Columns), new VectorParameter<T>("bias", shape.Rows));
        Any.Matrix<T>(shape.Rows, shape.Columns, shape.Seed).CopyTo(weight.Value);
        Any.Vector<T>(shape.Rows, shape.Seed + 1).CopyTo(bias.Value);
        return [weight, bias];
    }

    public static void SetGradients<T>(IEnumerable<Parameter<T>> parameters, int seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var parameter in parameters) Any.Matrix<T>(parameter.Count, 1, seed++).AsColumnMajorArray().CopyTo(parameter.Gradients);
    }

    private static torch.Tensor Tensor<T>(Parameter<T> parameter, ReadOnlySpan<T> values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (parameter.Shape.Count == 2) return Proof.Tensor(MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.Dense(parameter.Shape[0], parameter.Shape[1], values.ToArray()));
        return Proof.Tensor(MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.Dense(parameter.Count, 1, values.ToArray())).reshape(parameter.Count);
    }
}
