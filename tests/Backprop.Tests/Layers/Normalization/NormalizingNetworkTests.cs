using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>A network of normalisations, dropout, embedding and residual: no allocation, thread-safe inference, the same bits in every pass.</summary>
public abstract class NormalizingNetworkTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [Fact]
    public void A_training_step_allocates_nothing()
    {
        var (model, pass) = (Network(), default(ForwardPass<T>));
        var (sgd, loss) = (new SGD<T>(model.Parameters, learningRate: 0.01), new MSELoss<T>());
        pass = model.NewPass();
        (Matrix<T> X, Matrix<T> Y, Matrix<T> DY)[] batches = [Batch(24), Batch(7)];
        Epoch();
        Epoch();
        Allocation.Least(() =>
        {
            for (var i = 0; i < 3; i++) Epoch();
        }).Should().Be(0);

        (Matrix<T>, Matrix<T>, Matrix<T>) Batch(int rows) => (Indices(rows, rows), Any.Matrix<T>(rows, 2, 3), Any.Matrix<T>(rows, 2, 4));

        void Epoch()
        {
            foreach (var (x, y, dY) in batches)
            {
                var yHat = model.Forward(x, pass);
                sgd.ZeroGradients();
                model.AccumulateGradients(pass, loss.Backward(yHat, y, dY));
                sgd.Step();
            }
        }
    }

    [Fact]
    public void Inference_is_thread_safe()
    {
        var model = Network();
        model.Forward(Indices(30, 1), model.NewPass());
        var inputs = Enumerable.Range(1, 16).Select(seed => Indices(seed, seed)).ToArray();
        var expected = inputs.Select(model.Forward).ToArray();
        Parallel.For(0, 400, i => model.Forward(inputs[i % 16]).Should().Be(expected[i % 16]));
    }

    [Fact]
    public void Without_a_gradient_of_the_input_the_parameters_gradients_are_the_same()
    {
        foreach (var layer in (Layer<T>[])[new LayerNorm<T>(5), new RMSNorm<T>(5), new BatchNorm1d<T>(5), new Residual<T>(new Linear<T>(5, 5)), new Dropout<T>(), new Identity<T>()])
        {
            var (pass, dY) = (layer.NewPass(), Any.Matrix<T>(4, 5, 2));
            layer.Forward(Any.Matrix<T>(4, 5, 1), pass);
            layer.Backward(pass, dY);
            var expected = layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).ToArray();
            foreach (var parameter in layer.Parameters) parameter.ZeroGradient();
            layer.AccumulateGradients(pass, dY);
            layer.Parameters.Select(parameter => parameter.Gradients.ToArray()).Should().BeEquivalentTo(expected, options => options.WithStrictOrdering());
        }
    }

    [Fact]
    public void Formulas_are_there()
    {
        foreach (var layer in (Layer<T>[])[new LayerNorm<T>(5), new RMSNorm<T>(5), new BatchNorm1d<T>(5), new Residual<T>(new Identity<T>()), new Dropout<T>(), new Identity<T>(), new Embedding<T>(2, 2)])
        {
            layer.Formula.Should().StartWith("y = ");
            layer.Derivative.Should().Contain("dX = ");
        }
    }

    /// <summary>Sums have a fixed order and nothing is fused: run the suite with narrower vectors, and the same hash must come.</summary>
    [Fact]
    public void The_bits_are_the_same_at_every_vector_width()
    {
        var bytes = new List<byte>();
        foreach (var layer in (Layer<T>[])[new LayerNorm<T>(37), new RMSNorm<T>(37), new BatchNorm1d<T>(37)])
        {
            Conditioning.Vary<T, Layer<T>>(layer, 1);
            var pass = layer.NewPass();
            bytes.AddRange(MemoryMarshal.AsBytes(layer.Forward(Any.Matrix<T>(107, 37, 1), pass).AsColumnMajorArray().AsSpan()));
            bytes.AddRange(MemoryMarshal.AsBytes(layer.Backward(pass, Any.Matrix<T>(107, 37, 2)).AsColumnMajorArray().AsSpan()));
            foreach (var parameter in layer.Parameters) bytes.AddRange(MemoryMarshal.AsBytes(parameter.Gradients));
        }

        Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray())).Should()
            .Be(typeof(T) == typeof(double) ? "b85a0b8610226860b57670658693c0d52bb4eb7a3ebf476a863ffe9d0bf08659" : "695e5978d405d60d2dc6299bfef71e934424e56a5bc7001ebd98d69099d3a3c5");
    }

    private static Sequential<T> Network() => new()
    {
        new Embedding<T>(9, 3, generator: new Generator(1)),
        new BatchNorm1d<T>(12),
        new Residual<T>(new Sequential<T> { new LayerNorm<T>(12), new Linear<T>(12, 12, generator: new Generator(2)), new Dropout<T>(0.3, new Generator(3)) }),
        new RMSNorm<T>(12),
        new Identity<T>(),
        new Linear<T>(12, 2, generator: new Generator(4)),
    };

    private static Matrix<T> Indices(int rows, int seed)
    {
        var random = new Random(seed);
        return Matrix<T>.Build.Dense(rows, 4, (_, _) => T.CreateChecked(random.Next(9)));
    }
}

public sealed class NormalizingNetworkDoubleTests : NormalizingNetworkTests<double>;

public sealed class NormalizingNetworkSingleTests : NormalizingNetworkTests<float>;
