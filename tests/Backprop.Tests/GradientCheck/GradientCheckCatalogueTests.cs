using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Every layer and loss of the library passes the check, in both modes, in double and beside its twin in float.</summary>
public sealed class GradientCheckCatalogueTests
{
    private static List<Layer<T>> Layers<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        new Identity<T>(), new Linear<T>(3, 4), new Linear<T>(3, 2, bias: false), new Dropout<T>(0.4), new Dropout<T>(1), new Dropout<T>(0), new PReLU<T>(), new PReLU<T>(3), new ReLU<T>(), new LeakyReLU<T>(), new ELU<T>(),
        new SELU<T>(), new CELU<T>(), new GELU<T>(), new GELU<T>(GELUApproximation.Tanh), new SiLU<T>(), new Mish<T>(), new Softplus<T>(), new Softsign<T>(), new Sigmoid<T>(), new LogSigmoid<T>(), new Tanh<T>(),
        new Hardtanh<T>(), new ReLU6<T>(), new Hardsigmoid<T>(), new Hardswish<T>(), new Softshrink<T>(), new Hardshrink<T>(), new Tanhshrink<T>(), new Softmax<T>(), new LogSoftmax<T>(),
        new LayerNorm<T>(3), new RMSNorm<T>(3), new BatchNorm1d<T>(3), new BatchNorm1d<T>(3, momentum: null), new BatchNorm1d<T>(3, trackRunningStats: false), new Residual<T>(new Linear<T>(3, 3)), new Sequential<T>(),
        new Sequential<T> { { "a", new Linear<T>(3, 4) }, { "b", new Residual<T>(new Sequential<T> { new LayerNorm<T>(4), new Dropout<T>(0.2, new Generator(1)), new Linear<T>(4, 4) }) }, { "c", new Softmax<T>() } },
        new Columns<T>(1, 2), new Concat<T> { { "a", new Linear<T>(3, 2) }, { "b", new Columns<T>(0, 2) } }, new Sum<T> { { "a", new Linear<T>(3, 3) }, { "b", new Tanh<T>() } }, new Concat<T>(new Identity<T>()), new Sum<T>(new Identity<T>()),
        new Conv1d<T>(1, 3, 2, 2, padding: 1), new Conv2d<T>(new(1, 1, 3), 2, (1, 2), padding: (0, 1)), new ConvTranspose2d<T>(new(3, 1, 1), 2, 2), new MaxPool2d<T>(new(1, 1, 3), (1, 2), 1), new AvgPool2d<T>(new(1, 1, 3), (1, 2), 1),
        new AdaptiveAvgPool2d<T>(new(1, 1, 3), (1, 2)), new Upsample<T>(new(1, 1, 3), (2, 4), UpsampleMode.Bilinear), new ZeroPad2d<T>(new(1, 1, 3), 1), new BatchNorm2d<T>(new(1, 1, 3)), new GroupNorm<T>(1, new(3, 1, 1)),
        new InstanceNorm2d<T>(new(1, 1, 3), trackRunningStats: true), new Dropout2d<T>(3, 0.4),
        new RNN<T>(3, 2, 5), new GRU<T>(3, 2, 5, bidirectional: true), new LSTM<T>(3, 2, 5, numLayers: 2), new LastStep<T>(5), new MeanOverTime<T>(5), new MaxOverTime<T>(5), new ToSteps<T>(3), new ToRows<T>(5),
        new MultiheadAttention<T>(3, 3, 5, causal: true), new ScaledDotProductAttention<T>(1, 1, 5), new PositionalEmbedding<T>(5, 3), new SinusoidalPositions<T>(5, 3), new TransformerEncoderLayer<T>(3, 1, 5, 4, 0, new GELU<T>(), 1e-2),
        .. PreprocessingTests<T>.Fittable(3).Select(make => Fitted(make())),
    ];

    private static Preprocessing<T> Fitted<T>(Preprocessing<T> layer) where T : unmanaged, IFloatingPointIeee754<T>
    {
        layer.Fit(Any.Matrix<T>(9, 3, 5, 4));
        return layer;
    }

    [Fact]
    public void It_is_whole()
    {
        var layers = Layers<double>().Append(new Embedding<double>(2, 2)).Append(new OneHot<double>([2])).Select(layer => layer.GetType().GetGenericTypeDefinition()).ToHashSet();
        typeof(Layer<>).Assembly.GetExportedTypes().Where(type => !type.IsAbstract && IsLayer(type)).Should().OnlyContain(type => layers.Contains(type));

        static bool IsLayer(Type type)
        {
            for (var up = type.BaseType; up is not null; up = up.BaseType)
                if (up.IsGenericType && up.GetGenericTypeDefinition() == typeof(Layer<>)) return true;
            return false;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_layer_passes(bool training)
    {
        foreach (var (layer, single) in Layers<double>().Zip(Layers<float>()))
        {
            // The same weights in each run: what float makes of a norm of nearly equal numbers depends on them.
            var generator = new Generator(1);
            foreach (var (parameter, twin) in layer.Parameters.Zip(single.Parameters))
            {
                Init.Uniform(parameter, -0.6, 0.6, generator);
                Init.Uniform(twin, -0.6, 0.6, generator);
            }

            for (var seed = 1; seed < 4; seed++)
            {
                GradientCheck.Run(layer, Any.Matrix<double>(5, 3, seed), seed, training: training).ThrowIfFailed();
                GradientCheck.Run(single, layer, Any.Matrix<float>(5, 3, seed), seed, training: training).ThrowIfFailed();
            }
        }

        var indices = Matrix<double>.Build.Dense(4, 2, (i, j) => (i + 2 * j) % 3);
        GradientCheck.Run(new Embedding<double>(3, 2), indices, checkInput: false, training: training).ThrowIfFailed();
        GradientCheck.Run(new Embedding<float>(3, 2), new Embedding<double>(3, 2), indices.Map(index => (float)index), training: training).ThrowIfFailed();
        GradientCheck.Run(new OneHot<double>([3, 0]), indices, checkInput: false, training: training).ThrowIfFailed();
        GradientCheck.Run(new OneHot<float>([3, 0]), new OneHot<double>([3, 0]), indices.Map(index => (float)index), training: training).ThrowIfFailed();
    }

    [Fact]
    public void Every_loss_passes()
    {
        foreach (var loss in DivisorTests<double>.All.Select(row => row.Data))
        {
            var (prediction, target) = LossTests<double>.Case(loss, 7);
            GradientCheck.Run(loss, prediction, target).ThrowIfFailed();
        }

        foreach (var (loss, twin) in DivisorTests<float>.All.Zip(DivisorTests<double>.All, (one, other) => (one.Data, other.Data)))
        {
            var (prediction, target) = LossTests<float>.Case(loss, 7);
            GradientCheck.Run(loss, twin, prediction, target).ThrowIfFailed();
        }
    }
}
